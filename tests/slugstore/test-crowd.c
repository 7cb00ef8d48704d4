/*
 * test-crowd.c - many processes at one store, each with its own trade:
 * importing, unpacking, leasing, pinning, collecting, measuring. Nobody may
 * see a wrong byte, lose a lease or a pin, or wait for ever.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "slugstore/space/collect.h"
#include "slugstore/space/usage.h"
#include "slugstore/store.h"
#include "tests/slugstore/maker.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <setjmp.h>
#include <cmocka.h>

#define SLUGS 3
#define FILES 30
#define FILE_BYTES 3000
#define CROWD_USEC (2 * USEC_PER_SEC)
#define DEADLOCK_SEC 120

struct crowd {
	char *dir;
	struct store *store;
	int slug_fds[SLUGS];
	char sha256[SLUGS][SHA256_HEX_MAX];
	uint64_t end_usec;
};

/* A child of a trade; fails by its exit status, with a line. */
#define MUST(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s: not so: %s\n", __func__, #cond); \
			_exit(1); \
		} \
	} while (0)

/* File j of slug i is all of one byte: who sees another, has a wrong one. */
static char content_of(int i, int j)
{
	return (char)('A' + (i * FILES + j) % 26);
}

static int make_slug(int i)
{
	char text[FILE_BYTES + 1];
	struct maker m;

	maker_begin(&m);
	for (int j = 0; j < FILES; j++) {
		auto_free char *path = xasprintf("./app/d%d/f%d", j % 4, j);

		memset(text, content_of(i, j), FILE_BYTES);
		text[FILE_BYTES] = '\0';
		maker_file(&m, path, 0644, text);
	}
	return maker_end(&m);
}

static int setup(void **state)
{
	struct crowd *c = xcalloc(1, sizeof(*c));

	c->dir = maker_new_dir();
	assert_int_equal(store_open(&c->store, c->dir, NULL), 0);
	for (int i = 0; i < SLUGS; i++) {
		c->slug_fds[i] = make_slug(i);
		maker_import(c->store, c->slug_fds[i], c->sha256[i]);
	}
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct crowd *c = *state;

	for (int i = 0; i < SLUGS; i++)
		fd_close(c->slug_fds[i]);
	store_free(c->store);
	maker_remove_dir(c->dir);
	free(c);
	return 0;
}

static bool goes_on(const struct crowd *c)
{
	return clock_mono_usec() < c->end_usec;
}

/* The position of a descriptor is shared by all children: not used. */
static bool import_slug(struct crowd *c, int i, struct error *e)
{
	auto_(store_import_free_p) struct store_import *imp = NULL;
	char block[4096], sha256[SHA256_HEX_MAX];
	off_t at = 0;
	ssize_t n;

	if (store_import_begin(c->store, 0, &imp, e) < 0)
		return false;
	while ((n = pread(c->slug_fds[i], block, sizeof(block), at)) > 0) {
		if (store_import_write(imp, block, (size_t)n, e) < 0)
			return false;
		at += n;
	}
	return store_import_finish(imp, c->sha256[i], sha256, NULL, e) == 0;
}

static bool tree_is_whole(struct crowd *c, int i)
{
	for (int j = 0; j < FILES; j++) {
		auto_free char *path = xasprintf("%s/trees/%s/app/d%d/f%d",
						 c->dir, c->sha256[i], j % 4, j);
		auto_buf text = BUF_INIT;

		if (file_read(AT_FDCWD, path, FILE_BYTES, &text, NULL) < 0 ||
		    text.len != FILE_BYTES)
			return false;
		for (size_t k = 0; k < text.len; k++)
			if (text.data[k] != content_of(i, j))
				return false;
	}
	return true;
}

/* Bring it, as a host does: import if absent, unpack, and once more if a
 * collector was faster. */
static void importer(struct crowd *c)
{
	struct error e = { 0 };

	for (int n = 0; goes_on(c); n++) {
		int i = n % SLUGS, r;

		if (!import_slug(c, i, &e)) {
			fprintf(stderr, "import: %s\n", e.msg);
			_exit(1);
		}
		r = store_unpack(c->store, c->sha256[i], &e);
		if (r < 0) {
			fprintf(stderr, "unpack: %s\n", e.msg);
			_exit(1);
		}
	}
}

static void leaser(struct crowd *c)
{
	struct error e = { 0 };
	int leases = 0;

	for (int n = 0; goes_on(c) || leases == 0; n++) {
		auto_close int lease = -1;
		int i = n % SLUGS;
		int r = store_lease(c->store, c->sha256[i], &lease, &e);

		if (r < 0) {
			fprintf(stderr, "lease: %s\n", e.msg);
			_exit(1);
		}
		if (r == STORE_ABSENT)
			continue;
		leases++;
		MUST(tree_is_whole(c, i));
		usleep(3000);
		MUST(tree_is_whole(c, i));
		MUST(store_has(c->store, c->sha256[i], NULL, NULL) == 0);
	}
}

/* Pin, then look: what is there stays. */
static void pinner(struct crowd *c)
{
	for (int n = 0; goes_on(c); n++) {
		const char *sha256 = c->sha256[n % SLUGS];
		int tree;

		MUST(store_pin(c->store, sha256, true, NULL) == 0);
		tree = store_has_tree(c->store, sha256, NULL);
		MUST(tree >= 0);
		for (int k = 0; tree == 0 && k < 5; k++) {
			usleep(1000);
			MUST(store_has_tree(c->store, sha256, NULL) == 0);
		}
		MUST(store_pin(c->store, sha256, false, NULL) == 0);
	}
}

static void collector(struct crowd *c)
{
	const struct collect_marks marks = { .high_bytes = 1, .low_bytes = 1 };
	const struct collect_request req = { .dry_run = false };
	struct collect_result res = { 0 };
	struct error e = { 0 };

	MUST(store_set_marks(c->store, &marks, NULL) == 0);
	while (goes_on(c)) {
		if (store_collect(c->store, &req, &res, &e) < 0) {
			fprintf(stderr, "collect: %s\n", e.msg);
			_exit(1);
		}
		usleep(5000);
	}
}

static void looker(struct crowd *c)
{
	struct usage_store all;
	struct usage_slug one;
	struct error e = { 0 };

	for (int n = 0; goes_on(c); n++) {
		if (usage_store(c->store, &all, &e) < 0 ||
		    usage_slug(c->store, c->sha256[n % SLUGS], &one, &e) < 0) {
			fprintf(stderr, "look: %s\n", e.msg);
			_exit(1);
		}
		usleep(1000);
	}
}

static pid_t start(struct crowd *c, void (*trade)(struct crowd *c))
{
	struct error e = { 0 };
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	alarm(DEADLOCK_SEC);
	/* A store of its own: locks belong to open files. */
	if (store_open(&c->store, c->dir, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		_exit(1);
	}
	trade(c);
	_exit(0);
}

static void everybody_at_once_and_nobody_sees_a_wrong_byte(void **state)
{
	void (*const trades[])(struct crowd *) = {
		importer, importer, leaser, leaser, pinner, collector,
		collector, looker,
	};
	struct crowd *c = *state;
	pid_t pids[ARRAY_SIZE(trades)];
	int status, failed = 0;

	c->end_usec = clock_mono_usec() + CROWD_USEC;
	for (size_t i = 0; i < ARRAY_SIZE(trades); i++)
		pids[i] = start(c, trades[i]);
	for (size_t i = 0; i < ARRAY_SIZE(trades); i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		failed += status != 0;
	}
	assert_int_equal(failed, 0);
	assert_int_equal(maker_count(c->dir, "incoming"), 0);
	assert_int_equal(maker_count(c->dir, "pins"), 0);
	for (int i = 0; i < SLUGS; i++) {
		int tree = store_has_tree(c->store, c->sha256[i], NULL);

		assert_true(tree >= 0);
		if (tree == 0)
			assert_true(tree_is_whole(c, i));
		assert_int_equal(store_remove(c->store, c->sha256[i], NULL), 0);
	}
	assert_int_equal(maker_count(c->dir, "locks"), 0);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(everybody_at_once_and_nobody_sees_a_wrong_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
