/*
 * test-file.c - files and directories, the careful way.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "tests/base/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

static char *in(void **state, const char *name)
{
	return xasprintf("%s/%s", (char *)*state, name);
}

static void put(const char *path, const char *text)
{
	struct error e = { 0 };

	assert_int_equal(file_write_fast(AT_FDCWD, path, text, strlen(text), 0644,
					 &e), 0);
}

static unsigned count(const char *dir)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void reads_a_whole_file_up_to_the_limit(void **state)
{
	auto_free char *path = in(state, "f");
	auto_buf b = BUF_INIT;
	struct error e;

	put(path, "12345");
	buf_adds(&b, "<");
	assert_int_equal(file_read(AT_FDCWD, path, 5, &b, &e), 0);
	assert_string_equal(b.data, "<12345");
	assert_int_equal(file_read(AT_FDCWD, path, 4, &b, &e), -EFBIG);
	assert_int_equal(file_read(AT_FDCWD, "/nonexistent", 4, &b, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "/nonexistent"));
}

static void atomic_write_replaces_and_leaves_nothing_else(void **state)
{
	auto_free char *path = in(state, "f");
	auto_close int dirfd = open(*state, O_DIRECTORY | O_CLOEXEC);
	auto_buf b = BUF_INIT;
	struct stat st;
	mode_t old = umask(077);

	assert_int_equal(file_write_atomic(dirfd, "f", "old", 3, 0644, NULL), 0);
	umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(file_write_atomic(AT_FDCWD, path, "newer", 5, 0600, NULL),
			 0);
	assert_int_equal(file_read(AT_FDCWD, path, 100, &b, NULL), 0);
	assert_string_equal(b.data, "newer");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(count(*state), 1);
}

static void failed_write_keeps_the_old_file(void **state)
{
	auto_free char *dir = in(state, "d");
	struct error e;

	/* A directory cannot be replaced by a file. */
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_true(file_write_atomic(AT_FDCWD, dir, "x", 1, 0600, &e) < 0);
	assert_int_equal(count(*state), 1);
	assert_true(file_write_atomic(AT_FDCWD, "/nonexistent/f", "x", 1, 0600,
				      &e) < 0);
}

static void atomic_write_replaces_a_link_not_its_target(void **state)
{
	auto_free char *target = in(state, "target");
	auto_free char *link = in(state, "link");
	auto_buf b = BUF_INIT;
	struct stat st;

	put(target, "untouched");
	assert_int_equal(symlink(target, link), 0);
	assert_int_equal(file_write_atomic(AT_FDCWD, link, "x", 1, 0600, NULL), 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(file_read(AT_FDCWD, target, 100, &b, NULL), 0);
	assert_string_equal(b.data, "untouched");
}

static void makes_directories_on_the_way(void **state)
{
	auto_free char *path = in(state, "a/b//c/");
	auto_free char *file = in(state, "f");
	auto_free char *below = in(state, "f/x");
	struct stat st;

	assert_int_equal(file_make_dirs(path, 0700, NULL), 0);
	assert_int_equal(file_make_dirs(path, 0700, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(file_make_dirs("/", 0700, NULL), 0);
	put(file, "");
	assert_true(file_make_dirs(file, 0700, NULL) < 0);
	assert_true(file_make_dirs(below, 0700, NULL) < 0);
}

static void owned_directory_has_exactly_that_mode(void **state)
{
	auto_free char *path = in(state, "d");
	auto_free char *link = in(state, "l");
	auto_free char *file = in(state, "f");
	mode_t old = umask(077);
	struct stat st;

	assert_int_equal(file_make_dir_owned(path, 0755, getuid(), getgid(),
					     NULL), 0);
	umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(file_make_dir_owned(path, 0711, (uid_t)-1, (gid_t)-1,
					     NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	assert_int_equal(symlink(path, link), 0);
	assert_true(file_make_dir_owned(link, 0777, (uid_t)-1, (gid_t)-1,
					NULL) < 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	put(file, "");
	assert_true(file_make_dir_owned(file, 0777, (uid_t)-1, (gid_t)-1,
					NULL) < 0);
}

static void remove_tree_does_not_follow_links(void **state)
{
	auto_free char *keep = in(state, "keep");
	auto_free char *kept = in(state, "keep/file");
	auto_free char *tree = in(state, "tree");
	auto_free char *deep = in(state, "tree/a/b/c");
	auto_free char *link = in(state, "tree/a/link");
	auto_free char *up = in(state, "tree/a/b/up");

	assert_int_equal(file_make_dirs(keep, 0700, NULL), 0);
	put(kept, "x");
	assert_int_equal(file_make_dirs(deep, 0700, NULL), 0);
	assert_int_equal(symlink(keep, link), 0);
	assert_int_equal(symlink("../../..", up), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, tree, NULL), 0);
	assert_int_equal(access(tree, F_OK), -1);
	assert_int_equal(access(kept, F_OK), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, tree, NULL), 0);

	/* The path itself may be a link, too. */
	assert_int_equal(symlink(keep, tree), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, tree, NULL), 0);
	assert_int_equal(access(kept, F_OK), 0);
}

/* Deeper than there are descriptors, and than a path can be long. */
static void remove_tree_copes_with_any_depth(void **state)
{
	auto_free char *tree = in(state, "tree");
	auto_free char *taken = in(state, "tree/.lifted-1");
	auto_free char *file = in(state, "tree/.lifted-2");
	int fd;

	assert_int_equal(file_make_dirs(tree, 0700, NULL), 0);
	put(taken, "x");
	put(file, "x");
	fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 5000; i++) {
		int up = fd;

		assert_int_equal(mkdirat(up, "a", 0700), 0);
		fd = openat(up, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_equal(i % 100 ? 0 : mkdirat(up, "b", 0500), 0);
		close(up);
	}
	close(fd);
	assert_int_equal(file_remove_tree(AT_FDCWD, tree, NULL), 0);
	assert_int_equal(access(tree, F_OK), -1);
}

/* Run by somebody who is no root, to whom modes mean something. */
static int remove_as_nobody(const char *path)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (getuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		_exit(file_remove_tree(AT_FDCWD, path, NULL) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void remove_tree_copes_with_closed_directories(void **state)
{
	static const mode_t modes[] = { 0, 0100, 0300, 0500, 0400 };
	auto_free char *top = in(state, "top");
	auto_free char *tree = in(state, "top/tree");
	auto_free char *dir = in(state, "top/tree/dir");
	auto_free char *file = in(state, "top/tree/dir/f");

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		assert_int_equal(file_make_dirs(dir, 0755, NULL), 0);
		put(file, "x");
		if (getuid() == 0) {
			assert_int_equal(chmod(*state, 0711), 0);
			assert_int_equal(chown(top, 65534, 65534), 0);
			assert_int_equal(chown(tree, 65534, 65534), 0);
			assert_int_equal(chown(dir, 65534, 65534), 0);
		}
		assert_int_equal(chmod(dir, modes[i]), 0);
		assert_int_equal(remove_as_nobody(tree), 0);
		assert_int_equal(access(tree, F_OK), -1);
	}
}

static void open_beneath_stays_beneath(void **state)
{
	static const char *const bad[] = {
		"..", "../x", "/etc/passwd", "link", "d/../../x", "dirlink/f",
		"d/absolute",
	};
	auto_close int dirfd = open(*state, O_DIRECTORY | O_CLOEXEC);
	auto_free char *d = in(state, "d");
	auto_free char *f = in(state, "d/f");
	auto_close int fd = -1, made = -1;
	struct error e;

	assert_int_equal(mkdir(d, 0700), 0);
	put(f, "x");
	assert_int_equal(symlinkat("d/f", dirfd, "link"), 0);
	assert_int_equal(symlinkat("d", dirfd, "dirlink"), 0);
	assert_int_equal(symlinkat("/etc/passwd", dirfd, "d/absolute"), 0);
	fd = file_open_beneath(dirfd, "d/f", O_RDONLY, 0, &e);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	made = file_open_beneath(dirfd, "d/new", O_WRONLY | O_CREAT, 0600, &e);
	assert_true(made >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(file_open_beneath(dirfd, bad[i], O_RDONLY, 0, &e) < 0);
}

static void nonblock_is_switched(void **state)
{
	auto_close int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_int_equal(file_set_nonblock(fd, true, NULL), 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(file_set_nonblock(fd, false, NULL), 0);
	assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(file_set_nonblock(-1, true, NULL), -EBADF);
}

#define TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, directory_setup, directory_teardown)

static void what_a_killed_replacement_left_is_removed_and_nothing_else(void **state)
{
	static const char *const names[] = {
		"state.0123456789ab.tmp", "state", "state.tmp", "0123456789ab.tmp",
		"state.0123456789aX.tmp", "state.0123456789ab.tmp.old",
	};
	struct error e = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *path = in(state, names[i]);

		put(path, "x");
	}
	assert_int_equal(file_remove_temporary(AT_FDCWD, *state, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *path = in(state, names[i]);

		assert_int_equal(access(path, F_OK), i == 0 ? -1 : 0);
	}
	assert_int_equal(file_remove_temporary(AT_FDCWD, "/nowhere/at/all", &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_a_whole_file_up_to_the_limit),
		TEST(atomic_write_replaces_and_leaves_nothing_else),
		TEST(failed_write_keeps_the_old_file),
		TEST(atomic_write_replaces_a_link_not_its_target),
		TEST(makes_directories_on_the_way),
		TEST(owned_directory_has_exactly_that_mode),
		TEST(remove_tree_does_not_follow_links),
		TEST(remove_tree_copes_with_closed_directories),
		TEST(remove_tree_copes_with_any_depth),
		TEST(open_beneath_stays_beneath),
		TEST(nonblock_is_switched),
		TEST(what_a_killed_replacement_left_is_removed_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
