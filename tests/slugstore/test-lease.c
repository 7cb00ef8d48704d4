/*
 * test-lease.c - many processes at one store: leases, removal, two unpackers,
 * and one that is killed half way.
 */
#include "base/error.h"
#include "base/file.h"
#include "slugstore/store.h"
#include "tests/slugstore/maker.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <setjmp.h>
#include <cmocka.h>

#define UNPACKERS 4
#define FILES 300

struct fixture {
	char *dir;
	struct store *store;
	char sha256[SHA256_HEX_MAX];
	char *tree;
};

/* Large enough to be read in several pieces. */
static int make_slug(void)
{
	struct maker m;

	maker_begin(&m);
	for (int i = 0; i < FILES; i++) {
		auto_free char *path = xasprintf("./app/d%d/f%d", i % 10, i);

		maker_noise(&m, path, 4000);
	}
	return maker_end(&m);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	int fd = make_slug();

	f->dir = maker_new_dir();
	assert_int_equal(store_open(&f->store, f->dir, NULL), 0);
	maker_import(f->store, fd, f->sha256);
	fd_close(fd);
	f->tree = xasprintf("%s/trees/%s/app", f->dir, f->sha256);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_free(f->store);
	maker_remove_dir(f->dir);
	free(f->tree);
	free(f);
	return 0;
}

static void assert_whole(struct fixture *f)
{
	for (int i = 0; i < FILES; i++) {
		auto_free char *path = xasprintf("%s/d%d/f%d", f->tree, i % 10, i);
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, 4000);
	}
}

static void a_leased_slug_cannot_be_removed(void **state)
{
	struct fixture *f = *state;
	auto_close int one = -1, two = -1;
	struct error e;

	assert_int_equal(store_lease(f->store, f->sha256, &one, NULL),
			 STORE_ABSENT);
	assert_int_equal(store_unpack(f->store, f->sha256, NULL), 0);
	assert_int_equal(store_lease(f->store, f->sha256, &one, NULL), 0);
	assert_int_equal(store_lease(f->store, f->sha256, &two, NULL), 0);
	assert_int_equal(store_remove(f->store, f->sha256, &e), -EBUSY);
	assert_non_null(strstr(e.msg, "is in use"));
	one = fd_close(one);
	assert_int_equal(store_remove(f->store, f->sha256, &e), -EBUSY);
	assert_whole(f);
	two = fd_close(two);
	assert_int_equal(store_remove(f->store, f->sha256, &e), 0);
	assert_int_equal(store_lease(f->store, f->sha256, &one, NULL),
			 STORE_ABSENT);
	assert_int_equal(maker_count(f->dir, "trees"), 0);
	assert_int_equal(maker_count(f->dir, "blobs"), 0);
	assert_int_equal(maker_count(f->dir, "locks"), 0);
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
}

static void unpacking_again_does_not_wait_for_leases(void **state)
{
	struct fixture *f = *state;
	auto_close int lease = -1;

	assert_int_equal(store_unpack(f->store, f->sha256, NULL), 0);
	assert_int_equal(store_lease(f->store, f->sha256, &lease, NULL), 0);
	alarm(60);
	assert_int_equal(store_unpack(f->store, f->sha256, NULL), 0);
	alarm(0);
}

static void a_lease_ends_with_its_process(void **state)
{
	struct fixture *f = *state;
	int ready[2], lease, status;
	char byte;
	pid_t pid;

	assert_int_equal(store_unpack(f->store, f->sha256, NULL), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (store_lease(f->store, f->sha256, &lease, NULL) == 0 &&
		    write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(store_remove(f->store, f->sha256, NULL), -EBUSY);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(store_remove(f->store, f->sha256, NULL), 0);
	close(ready[0]);
	close(ready[1]);
}

/* Called within store_unpack(): the others must see nothing of it. */
static void on_half(uint64_t done, uint64_t total, void *userdata)
{
	struct fixture *f = userdata;
	auto_(store_free_p) struct store *other = NULL;
	struct error e;
	int lease;

	assert_int_equal(store_open(&other, f->dir, NULL), 0);
	assert_int_equal(store_has_tree(other, f->sha256, NULL), STORE_ABSENT);
	assert_int_equal(store_lease(other, f->sha256, &lease, NULL),
			 STORE_ABSENT);
	assert_int_equal(store_remove(other, f->sha256, &e), -EBUSY);
	assert_int_equal(maker_count(f->dir, "trees"), 0);
	assert_int_equal(maker_count(f->dir, "incoming"), 1);
}

static void an_unfinished_tree_is_nowhere_to_be_seen(void **state)
{
	struct fixture *f = *state;

	store_on_progress(f->store, on_half, f);
	assert_int_equal(store_unpack(f->store, f->sha256, NULL), 0);
	assert_whole(f);
}

static int run_unpacker(struct fixture *f)
{
	auto_(store_free_p) struct store *s = NULL;
	struct error e;

	if (store_open(&s, f->dir, &e) == 0 &&
	    store_unpack(s, f->sha256, &e) == 0)
		return 0;
	fprintf(stderr, "%s\n", e.msg);
	return 1;
}

static void many_unpackers_make_one_whole_tree(void **state)
{
	struct fixture *f = *state;
	pid_t pids[UNPACKERS];
	int left = UNPACKERS, status;

	for (int i = 0; i < UNPACKERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(run_unpacker(f));
	}
	/* While they work: whole or absent, nothing between. */
	while (left > 0) {
		if (access(f->tree, F_OK) == 0)
			assert_whole(f);
		for (int i = 0; i < UNPACKERS; i++)
			if (pids[i] > 0 &&
			    waitpid(pids[i], &status, WNOHANG) == pids[i]) {
				assert_int_equal(status, 0);
				pids[i] = 0;
				left--;
			}
	}
	assert_whole(f);
	assert_int_equal(maker_count(f->dir, "trees"), 1);
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
}

/* Two removers and two unpackers, round after round, must never wedge. */
static void unpacking_and_removing_at_once_always_ends_well(void **state)
{
	struct fixture *f = *state;
	pid_t pids[UNPACKERS];
	int status;

	for (int i = 0; i < UNPACKERS; i++) {
		pids[i] = fork();
		if (pids[i] > 0)
			continue;
		alarm(60);
		for (int n = 0; n < 5; n++) {
			int r = i % 2 ? store_remove(f->store, f->sha256, NULL)
				      : store_unpack(f->store, f->sha256, NULL);

			if (r < 0 && r != -EBUSY)
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < UNPACKERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
	if (store_has_tree(f->store, f->sha256, NULL) == 0)
		assert_whole(f);
	else
		assert_int_equal(maker_count(f->dir, "trees"), 0);
	assert_int_equal(store_remove(f->store, f->sha256, NULL), 0);
	assert_int_equal(maker_count(f->dir, "locks"), 0);
}

static void on_die(uint64_t done, uint64_t total, void *userdata)
{
	/* The first pieces are on the disk by now. */
	if (done > total / 2)
		kill(getpid(), SIGKILL);
}

static void a_killed_unpacker_leaves_nothing_that_counts(void **state)
{
	struct fixture *f = *state;
	auto_(store_free_p) struct store *next = NULL;
	int status, lease;
	pid_t pid = fork();

	if (pid == 0) {
		store_on_progress(f->store, on_die, NULL);
		store_unpack(f->store, f->sha256, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(maker_count(f->dir, "incoming"), 1);
	assert_int_equal(maker_count(f->dir, "trees"), 0);
	assert_int_equal(store_lease(f->store, f->sha256, &lease, NULL),
			 STORE_ABSENT);

	/* Its sandbox dies with it, but after it. */
	for (int i = 0; i < 6000 && maker_count(f->dir, "incoming"); i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
		next = store_free(next);
		assert_int_equal(store_open(&next, f->dir, NULL), 0);
	}
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
	assert_int_equal(store_unpack(next, f->sha256, NULL), 0);
	assert_whole(f);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_leased_slug_cannot_be_removed),
		T(unpacking_again_does_not_wait_for_leases),
		T(a_lease_ends_with_its_process),
		T(an_unfinished_tree_is_nowhere_to_be_seen),
		T(many_unpackers_make_one_whole_tree),
		T(unpacking_and_removing_at_once_always_ends_well),
		T(a_killed_unpacker_leaves_nothing_that_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
