/*
 * test-space.c - stores on small file systems: what does not fit is refused
 * with one sentence and without a trace.
 *
 * The file systems are in a mount namespace of the test's own; where even that
 * is not allowed, the tests are skipped.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "slugstore/space/collect.h"
#include "slugstore/space/space.h"
#include "slugstore/space/usage.h"
#include "slugstore/store.h"
#include "tests/slugstore/command.h"
#include "tests/slugstore/maker.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <setjmp.h>
#include <cmocka.h>

#define MIB (1024 * 1024)
#define FS_OPTIONS "size=8m,nr_inodes=120"

struct fixture {
	char *dir, *fs;
	struct store *store;
	struct error e;
};

static bool has_namespace;

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		print_message("# %s: %s\n", path, strerror(errno));
	fd_close(fd);
}

/* Without root, as root of a user namespace. */
static int enter_namespace(void **state)
{
	auto_free char *uids = xasprintf("0 %d 1", (int)geteuid());
	auto_free char *gids = xasprintf("0 %d 1", (int)getegid());
	bool root = geteuid() == 0;

	if (unshare(CLONE_NEWNS | (root ? 0 : CLONE_NEWUSER)) < 0)
		return 0;
	if (!root) {
		write_text("/proc/self/setgroups", "deny");
		write_text("/proc/self/uid_map", uids);
		write_text("/proc/self/gid_map", gids);
	}
	has_namespace = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	return 0;
}

static int setup(void **state)
{
	const struct collect_marks none = { 0 };
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->dir = maker_new_dir();
	f->fs = xasprintf("%s/fs", f->dir);
	assert_int_equal(mkdir(f->fs, 0755), 0);
	if (has_namespace &&
	    mount("small", f->fs, "tmpfs", 0, FS_OPTIONS) == 0) {
		assert_int_equal(store_open(&f->store, f->fs, NULL), 0);
		assert_int_equal(store_set_marks(f->store, &none, NULL), 0);
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_free(f->store);
	if (has_namespace)
		umount2(f->fs, MNT_DETACH);
	maker_remove_dir(f->dir);
	free(f->fs);
	free(f);
	return 0;
}

#define NEEDS_FS(f) \
	do { \
		if (!(f)->store) { \
			print_message("# no mount namespace to be had\n"); \
			skip(); \
		} \
	} while (0)

/* A slug of so many bytes that do not compress, in so many files. */
static int make_slug(int files, size_t bytes, const char *name)
{
	struct maker m;

	maker_begin(&m);
	maker_file(&m, "./app/name", 0644, name);
	for (int i = 0; i < files; i++) {
		auto_free char *path = xasprintf("./app/f%d", i);

		maker_noise(&m, path, bytes / (size_t)files);
	}
	return maker_end(&m);
}

static void put_slug(struct fixture *f, int files, size_t bytes,
		     const char *name, char ret[SHA256_HEX_MAX])
{
	int fd = make_slug(files, bytes, name);

	maker_import(f->store, fd, ret);
	fd_close(fd);
}

/* "... no space in DIR: needs X WHAT, has Y", and X, Y. */
static void assert_refused(struct fixture *f, const char *what, uint64_t *needs,
			   uint64_t *has)
{
	auto_free char *head = xasprintf("no space in %s: needs ", f->fs);
	const char *at = strstr(f->e.msg, head);
	char unit[8];

	if (!at || sscanf(at + strlen(head), "%" SCNu64 " %6[a-z], has %" SCNu64,
			  needs, unit, has) != 3)
		fail_msg("\"%s\" is not the sentence", f->e.msg);
	assert_int_equal(f->e.code, ENOSPC);
	assert_string_equal(unit, what);
	assert_true(*needs > *has);
}

static uint64_t free_bytes(struct fixture *f)
{
	struct usage_fs fs;

	assert_int_equal(usage_fs(f->store, &fs, NULL), 0);
	return fs.bytes_free;
}

static int reserve(struct fixture *f, struct store_import **ret, uint64_t size)
{
	assert_int_equal(store_import_begin(f->store, 0, ret, &f->e), 0);
	return store_import_reserve(*ret, size, &f->e);
}

static void what_never_fits_is_refused_and_nothing_is_collected(void **state)
{
	struct fixture *f = *state;
	auto_(store_import_free_p) struct store_import *imp = NULL;
	char sha256[SHA256_HEX_MAX];
	uint64_t needs, has;

	NEEDS_FS(f);
	put_slug(f, 1, MIB, "old", sha256);
	assert_int_equal(reserve(f, &imp, 20 * MIB), -ENOSPC);
	assert_refused(f, "bytes", &needs, &has);
	assert_int_equal(needs, 20 * MIB);
	/* What collecting could give counts as had. */
	assert_true(has > 7 * MIB && has <= 8 * MIB);
	imp = store_import_free(imp);
	assert_int_equal(store_has(f->store, sha256, NULL, NULL), 0);
	assert_int_equal(maker_count(f->fs, "incoming"), 0);
}

static void what_fits_after_collecting_fits(void **state)
{
	struct fixture *f = *state;
	auto_(store_import_free_p) struct store_import *imp = NULL;
	char old[SHA256_HEX_MAX], pinned[SHA256_HEX_MAX];

	NEEDS_FS(f);
	put_slug(f, 1, 3 * MIB, "old", old);
	put_slug(f, 1, MIB, "pinned", pinned);
	assert_int_equal(store_pin(f->store, pinned, true, NULL), 0);
	assert_int_equal(reserve(f, &imp, 3 * MIB), 0);
	assert_int_equal(store_has(f->store, old, NULL, NULL), 0);
	imp = store_import_free(imp);
	assert_int_equal(reserve(f, &imp, 6 * MIB), 0);
	assert_int_equal(store_has(f->store, old, NULL, NULL), STORE_ABSENT);
	assert_int_equal(store_has(f->store, pinned, NULL, NULL), 0);
}

static void without_marks_nothing_is_collected_by_itself(void **state)
{
	struct fixture *f = *state;
	auto_(store_free_p) struct store *plain = NULL;
	auto_(store_import_free_p) struct store_import *imp = NULL;
	char old[SHA256_HEX_MAX];
	uint64_t needs, has;

	NEEDS_FS(f);
	put_slug(f, 1, 3 * MIB, "old", old);
	assert_int_equal(store_open(&plain, f->fs, NULL), 0);
	assert_int_equal(store_import_begin(plain, 0, &imp, NULL), 0);
	assert_int_equal(store_import_reserve(imp, 6 * MIB, &f->e), -ENOSPC);
	assert_refused(f, "bytes", &needs, &has);
	assert_true(has <= 5 * MIB);
	assert_int_equal(store_has(plain, old, NULL, NULL), 0);
}

static void the_second_of_two_imports_sees_what_the_first_takes(void **state)
{
	struct fixture *f = *state;
	auto_(store_import_free_p) struct store_import *one = NULL, *two = NULL;
	uint64_t needs, has;

	NEEDS_FS(f);
	assert_int_equal(reserve(f, &one, 5 * MIB), 0);
	assert_int_equal(reserve(f, &two, 5 * MIB), -ENOSPC);
	assert_refused(f, "bytes", &needs, &has);
	assert_true(has < 3 * MIB + 4096);
	/* The first is not harmed, and gives all back when it gives up. */
	assert_int_equal(store_import_write(one, "x", 1, NULL), 0);
	one = store_import_free(one);
	assert_int_equal(store_import_reserve(two, 5 * MIB, &f->e), 0);
}

static void what_was_reserved_in_excess_is_given_back(void **state)
{
	struct fixture *f = *state;
	auto_(store_import_free_p) struct store_import *imp = NULL;
	char sha256[SHA256_HEX_MAX];
	uint64_t before;

	NEEDS_FS(f);
	before = free_bytes(f);
	assert_int_equal(reserve(f, &imp, 5 * MIB), 0);
	assert_true(free_bytes(f) <= before - 5 * MIB);
	assert_int_equal(store_import_write(imp, "abc", 3, NULL), 0);
	assert_int_equal(store_import_finish(imp, NULL, sha256, NULL, NULL), 0);
	assert_true(free_bytes(f) >= before - 8192);
}

static void an_import_of_unknown_size_ends_with_the_same_sentence(void **state)
{
	struct fixture *f = *state;
	auto_(store_import_free_p) struct store_import *imp = NULL;
	auto_free char *block = xcalloc(1, MIB);
	uint64_t before;
	int r, n = 0;

	NEEDS_FS(f);
	before = free_bytes(f);
	assert_int_equal(store_import_begin(f->store, 0, &imp, NULL), 0);
	while ((r = store_import_write(imp, block, MIB, &f->e)) == 0)
		n++;
	assert_true(n >= 6 && n <= 8);
	assert_int_equal(r, -ENOSPC);
	assert_non_null(strstr(f->e.msg, "no space in "));
	assert_non_null(strstr(f->e.msg, ": needs more than there is, has "));
	imp = store_import_free(imp);
	assert_int_equal(maker_count(f->fs, "incoming"), 0);
	assert_int_equal(free_bytes(f), before);
}

static void inodes_run_out_as_clearly(void **state)
{
	struct fixture *f = *state;
	char sha256[SHA256_HEX_MAX];
	uint64_t needs, has;

	NEEDS_FS(f);
	put_slug(f, 150, 60000, "many", sha256);
	assert_int_equal(store_unpack(f->store, sha256, &f->e), -ENOSPC);
	assert_refused(f, "inodes", &needs, &has);
	assert_true(needs > 150 && has < 120);
	assert_int_equal(maker_count(f->fs, "incoming"), 0);
	assert_int_equal(maker_count(f->fs, "trees"), 0);
	assert_int_equal(store_has(f->store, sha256, NULL, NULL), 0);
}

/* Not even for a lock. */
static void a_store_without_one_inode_left_can_be_collected(void **state)
{
	struct fixture *f = *state;
	auto_(store_import_free_p) struct store_import *imp = NULL;
	char sha256[SHA256_HEX_MAX];
	int fd = -1;

	NEEDS_FS(f);
	put_slug(f, 1, 1000, "never unpacked", sha256);
	assert_int_equal(maker_count(f->fs, "locks"), 0);
	for (int i = 0; i == 0 || fd >= 0; i++) {
		auto_free char *path = xasprintf("%s/filler%d", f->fs, i);

		fd_close(fd);
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	}
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(store_import_begin(f->store, 0, &imp, &f->e), 0);
	assert_int_equal(store_has(f->store, sha256, NULL, NULL), STORE_ABSENT);
}

static void an_unpack_collects_what_it_needs_and_no_more(void **state)
{
	struct fixture *f = *state;
	char old[SHA256_HEX_MAX], mid[SHA256_HEX_MAX], new[SHA256_HEX_MAX];

	NEEDS_FS(f);
	put_slug(f, 40, 80000, "old", old);
	assert_int_equal(store_unpack(f->store, old, &f->e), 0);
	usleep(20000);		/* times of a file system tick slowly */
	put_slug(f, 10, 80000, "mid", mid);
	assert_int_equal(store_unpack(f->store, mid, &f->e), 0);
	put_slug(f, 50, 80000, "new", new);
	assert_int_equal(store_unpack(f->store, new, &f->e), 0);
	assert_int_equal(store_has_tree(f->store, old, NULL), STORE_ABSENT);
	assert_int_equal(store_has(f->store, old, NULL, NULL), 0);
	assert_int_equal(store_has_tree(f->store, mid, NULL), 0);
	assert_int_equal(store_has_tree(f->store, new, NULL), 0);
}

static void an_unpack_that_does_not_fit_changes_nothing(void **state)
{
	struct fixture *f = *state;
	char leased[SHA256_HEX_MAX], new[SHA256_HEX_MAX], idle[SHA256_HEX_MAX];
	auto_close int lease = -1;
	uint64_t needs, has;

	NEEDS_FS(f);
	put_slug(f, 2, 1 * MIB, "leased", leased);
	assert_int_equal(store_unpack(f->store, leased, &f->e), 0);
	assert_int_equal(store_lease(f->store, leased, &lease, NULL), 0);
	put_slug(f, 2, MIB / 2, "idle", idle);
	put_slug(f, 2, 3 * MIB, "new", new);
	assert_int_equal(store_unpack(f->store, new, &f->e), -ENOSPC);
	assert_refused(f, "bytes", &needs, &has);
	assert_true(needs >= 3 * MIB && has < 3 * MIB + MIB / 2);
	assert_int_equal(store_has(f->store, idle, NULL, NULL), 0);
	assert_int_equal(store_has(f->store, new, NULL, NULL), 0);
	assert_int_equal(maker_count(f->fs, "incoming"), 0);
	assert_int_equal(maker_count(f->fs, "trees"), 1);
}

/* Somebody else fills the file system while we unpack: the writers may have been
 * faster than that. */
static void on_eat(uint64_t done, uint64_t total, void *userdata)
{
	struct fixture *f = userdata;
	auto_free char *path = xasprintf("%s/eater", f->fs);
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				 0600);

	for (off_t at = 0; fd >= 0; at += 65536)
		if (fallocate(fd, 0, at, 65536) < 0)
			return;
}

static void space_lost_in_the_middle_is_told_as_well(void **state)
{
	struct fixture *f = *state;
	auto_free char *eater = xasprintf("%s/eater", f->fs);
	char sha256[SHA256_HEX_MAX];
	int r = 0;

	NEEDS_FS(f);
	for (int tries = 0; r == 0 && tries < 20; tries++) {
		if (tries) {
			assert_int_equal(unlink(eater), 0);
			assert_int_equal(store_remove(f->store, sha256, &f->e), 0);
		}
		put_slug(f, 20, 2 * MIB, "x", sha256);
		store_on_progress(f->store, on_eat, f);
		r = store_unpack(f->store, sha256, &f->e);
		store_on_progress(f->store, NULL, NULL);
	}
	assert_int_equal(r, -ENOSPC);
	assert_non_null(strstr(f->e.msg, ": needs more than there is, has "));
	assert_int_equal(maker_count(f->fs, "incoming"), 0);
	assert_int_equal(maker_count(f->fs, "trees"), 0);
	assert_int_equal(unlink(eater), 0);
	assert_int_equal(store_unpack(f->store, sha256, &f->e), 0);
}

/* Half of it is somebody else's; a slug of ours goes, and what comes fits. */
static void what_fits_is_not_refused_above_a_mark(void **state)
{
	struct fixture *f = *state;
	const struct collect_marks marks = {
		.high_percent = 1, .high_bytes = 1, .high_inodes = 1,
	};
	auto_(store_import_free_p) struct store_import *imp = NULL;
	auto_free char *eater = xasprintf("%s/eater", f->fs);
	char old[SHA256_HEX_MAX];
	auto_close int fd = -1;

	NEEDS_FS(f);
	put_slug(f, 2, 8192, "x", old);
	fd = open(eater, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_equal(fallocate(fd, 0, 0, 4 * MIB), 0);
	assert_int_equal(store_set_marks(f->store, &marks, NULL), 0);
	assert_int_equal(reserve(f, &imp, MIB), 0);
	assert_int_equal(store_has(f->store, old, NULL, NULL), STORE_ABSENT);
	imp = store_import_free(imp);
	assert_int_equal(reserve(f, &imp, 16 * MIB), -ENOSPC);
	assert_int_equal(unlink(eater), 0);
}

static void what_is_continued_is_not_collected_first(void **state)
{
	struct fixture *f = *state;
	const struct collect_marks marks = { .high_percent = 1 };
	auto_(store_import_free_p) struct store_import *imp = NULL;
	auto_free char *noise = xcalloc(1, MIB);
	char sha256[SHA256_HEX_MAX];

	NEEDS_FS(f);
	memset(sha256, 'a', sizeof(sha256) - 1);
	sha256[sizeof(sha256) - 1] = '\0';
	assert_int_equal(store_import_resume(f->store, 0, sha256, 0, &imp, NULL),
			 0);
	assert_int_equal(store_import_set_from(imp, "\"1\"", NULL), 0);
	assert_int_equal(store_import_write(imp, noise, MIB, NULL), 0);
	imp = store_import_free(imp);
	assert_int_equal(store_set_marks(f->store, &marks, NULL), 0);
	assert_int_equal(store_import_resume(f->store, 0, sha256, 0, &imp, NULL),
			 0);
	assert_int_equal(store_import_size(imp), MIB);
}

static void what_is_unpacked_may_pass_a_mark(void **state)
{
	struct fixture *f = *state;
	const struct collect_marks marks = { .high_bytes = 1, .high_percent = 1 };
	char sha256[SHA256_HEX_MAX];

	NEEDS_FS(f);
	put_slug(f, 2, 8192, "x", sha256);
	assert_int_equal(store_set_marks(f->store, &marks, NULL), 0);
	assert_int_equal(store_unpack(f->store, sha256, &f->e), 0);
}

static void no_space_is_status_5(void **state)
{
	struct fixture *f = *state;
	auto_free char *big = xasprintf("%s/big", f->dir);
	char old[SHA256_HEX_MAX];
	struct command c;

	NEEDS_FS(f);
	put_slug(f, 2, 8192, "x", old);
	assert_int_equal(file_write_fast(AT_FDCWD, big, "x", 1, 0644, NULL), 0);
	assert_int_equal(truncate(big, 20 * MIB), 0);
	command_init(&c, f->fs);
	assert_int_equal(command(&c, "import", big), 5);
	command_says(&c, ": needs 20971520 bytes, has ");
	command_deinit(&c);
	/* Collecting would not have helped: nothing has gone. */
	assert_int_equal(store_has(f->store, old, NULL, NULL), 0);
	assert_int_equal(maker_count(f->fs, "incoming"), 0);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_never_fits_is_refused_and_nothing_is_collected),
		T(what_fits_after_collecting_fits),
		T(without_marks_nothing_is_collected_by_itself),
		T(the_second_of_two_imports_sees_what_the_first_takes),
		T(what_was_reserved_in_excess_is_given_back),
		T(an_import_of_unknown_size_ends_with_the_same_sentence),
		T(inodes_run_out_as_clearly),
		T(a_store_without_one_inode_left_can_be_collected),
		T(an_unpack_collects_what_it_needs_and_no_more),
		T(an_unpack_that_does_not_fit_changes_nothing),
		T(space_lost_in_the_middle_is_told_as_well),
		T(what_fits_is_not_refused_above_a_mark),
		T(what_is_continued_is_not_collected_first),
		T(what_is_unpacked_may_pass_a_mark),
		T(no_space_is_status_5),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
