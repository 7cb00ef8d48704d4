#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/stack.h"
#include "runtime/stack_copy.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static int setup(void **state)
{
	char dir[] = "/tmp/test-stack-XXXXXX";

	assert_non_null(mkdtemp(dir));
	*state = xstrdup(dir);
	return 0;
}

static int teardown(void **state)
{
	struct error e = { 0 };

	assert_int_equal(file_remove_tree(AT_FDCWD, *state, &e), 0);
	free(*state);
	return 0;
}

static mode_t mode_of(const char *dir, const char *path)
{
	auto_free char *full = xasprintf("%s/%s", dir, path);
	struct stat st;

	return lstat(full, &st) < 0 ? 0 : st.st_mode;
}

static void put(const char *dir, const char *path, const char *text, mode_t mode)
{
	auto_free char *full = xasprintf("%s/%s", dir, path);
	struct error e = { 0 };

	assert_int_equal(file_write_fast(AT_FDCWD, full, text, strlen(text),
					 mode, &e), 0);
}

static void make_dir(const char *dir, const char *path, mode_t mode)
{
	auto_free char *full = xasprintf("%s/%s", dir, path);

	assert_int_equal(mkdir(full, 0700), 0);
	assert_int_equal(chmod(full, mode), 0);
}

static void skeleton_has_the_places_of_a_root(void **state)
{
	struct error e = { 0 };
	struct stack s;

	assert_int_equal(stack_open(&s, "host", *state, "/nowhere", &e), 0);
	assert_string_equal(s.usr, "/usr");
	assert_int_equal(mode_of(s.lower, "app"), S_IFDIR | 0755);
	assert_int_equal(mode_of(s.lower, "tmp"), S_IFDIR | 01777);
	assert_int_equal(mode_of(s.lower, "usr"), S_IFDIR | 0755);
	assert_true(S_ISLNK(mode_of(s.lower, "bin")));
	assert_int_equal(mode_of(s.lower, "etc/profile"), S_IFREG | 0644);
	stack_deinit(&s);
	stack_deinit(&s);
}

static void skeleton_shows_no_secret_of_the_host(void **state)
{
	static const char *const secrets[] = {
		"etc/shadow", "etc/passwd", "etc/ssl/private", "etc/ssh",
		"etc/hostname", "etc/machine-id", "etc/mail", "etc/resolv.conf",
		"etc/sudoers", "etc/environment", "etc/crontab", "etc/dyno",
	};
	struct error e = { 0 };
	struct stack s;

	assert_int_equal(stack_open(&s, "host", *state, "/nowhere", &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		assert_int_equal(mode_of(s.lower, secrets[i]), 0);
	stack_deinit(&s);
}

static void prompt_is_the_directory_and_a_dollar(void **state)
{
	struct error e = { 0 };
	auto_buf text = BUF_INIT;
	auto_free char *path = NULL;
	struct stack s;

	assert_int_equal(stack_open(&s, "host", *state, "/nowhere", &e), 0);
	path = xasprintf("%s/etc/bash.bashrc", s.lower);
	assert_int_equal(file_read(AT_FDCWD, path, 4096, &text, &e), 0);
	assert_non_null(strstr(buf_str(&text), "PS1='\\w \\$ '"));
	stack_deinit(&s);
}

static void second_open_finds_the_first_skeleton(void **state)
{
	struct error e = { 0 };
	struct stack a, b;
	struct stat one, two;

	assert_int_equal(stack_open(&a, "host", *state, "/nowhere", &e), 0);
	assert_int_equal(stat(a.lower, &one), 0);
	assert_int_equal(stack_open(&b, "host", *state, "/nowhere", &e), 0);
	assert_int_equal(stat(b.lower, &two), 0);
	assert_int_equal(one.st_ino, two.st_ino);
	stack_deinit(&a);
	stack_deinit(&b);
}

static void leftovers_of_crashes_and_earlier_boots_are_removed(void **state)
{
	const char *dir = *state;
	struct error e = { 0 };
	struct stack s;

	make_dir(dir, "stack", 0755);
	make_dir(dir, "stack/new.0badcafe", 0700);
	make_dir(dir, "stack/zzzzzzzz-0123456789abcdef", 0755);
	assert_int_equal(stack_open(&s, "host", dir, "/nowhere", &e), 0);
	assert_int_equal(mode_of(dir, "stack/new.0badcafe"), 0);
	assert_int_equal(mode_of(dir, "stack/zzzzzzzz-0123456789abcdef"), 0);
	assert_true(S_ISDIR(mode_of(s.lower, ".")));
	stack_deinit(&s);
}

static void only_what_everybody_may_read_is_copied(void **state)
{
	auto_(stack_copy_deinit) struct stack_copy c = STACK_COPY_INIT;
	auto_close int from = -1, to = -1;
	const char *dir = *state;
	auto_free char *from_path = xasprintf("%s/etc", dir);
	auto_free char *to_path = xasprintf("%s/to", dir);
	struct error e = { 0 };

	make_dir(dir, "etc", 0755);
	make_dir(dir, "to", 0755);
	put(dir, "etc/services", "ssh 22/tcp\n", 0644);
	put(dir, "etc/protocols", "secret\n", 0600);
	put(dir, "etc/shadow", "root:x\n", 0644);
	make_dir(dir, "etc/alternatives", 0755);
	put(dir, "etc/alternatives/open", "x", 0644);
	put(dir, "etc/alternatives/closed", "x", 0640);
	put(dir, "etc/alternatives/.hidden", "x", 0644);
	make_dir(dir, "etc/ssl", 0755);
	make_dir(dir, "etc/ssl/private", 0755);
	put(dir, "etc/ssl/private/key", "k", 0644);
	put(dir, "etc/ssl/openssl.cnf", "c", 0644);
	make_dir(dir, "etc/terminfo", 0700);
	put(dir, "etc/terminfo/x", "x", 0644);
	from = open(from_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(symlinkat("/usr/share/zoneinfo/UTC", from, "localtime"),
			 0);
	to = open(to_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(stack_copy_collect(&c, from, &e), 0);
	assert_int_equal(stack_copy_write(&c, from, to, &e), 0);

	assert_int_equal(mode_of(to_path, "services"), S_IFREG | 0644);
	assert_int_equal(mode_of(to_path, "alternatives/open"), S_IFREG | 0644);
	assert_int_equal(mode_of(to_path, "ssl/openssl.cnf"), S_IFREG | 0644);
	assert_true(S_ISLNK(mode_of(to_path, "localtime")));
	assert_int_equal(mode_of(to_path, "protocols"), 0);
	assert_int_equal(mode_of(to_path, "shadow"), 0);
	assert_int_equal(mode_of(to_path, "alternatives/closed"), 0);
	assert_int_equal(mode_of(to_path, "alternatives/.hidden"), 0);
	assert_int_equal(mode_of(to_path, "ssl/private"), 0);
	assert_int_equal(mode_of(to_path, "terminfo"), 0);
}

static void fingerprint_changes_with_the_content(void **state)
{
	const char *dir = *state;
	auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stack_copy a = STACK_COPY_INIT, b = STACK_COPY_INIT;
	struct stack_copy c = STACK_COPY_INIT;
	struct error e = { 0 };

	put(dir, "services", "one\n", 0644);
	assert_int_equal(stack_copy_collect(&a, fd, &e), 0);
	assert_int_equal(stack_copy_collect(&b, fd, &e), 0);
	put(dir, "services", "three\n", 0644);
	assert_int_equal(stack_copy_collect(&c, fd, &e), 0);
	assert_true(a.fingerprint == b.fingerprint);
	assert_true(a.fingerprint != c.fingerprint);
	stack_copy_deinit(&a);
	stack_copy_deinit(&b);
	stack_copy_deinit(&c);
}

static void too_much_is_refused(void **state)
{
	const char *dir = *state;
	auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_(stack_copy_deinit) struct stack_copy c = STACK_COPY_INIT;
	struct error e = { 0 };

	make_dir(dir, "alternatives", 0755);
	for (unsigned i = 0; i <= STACK_COPY_BYTES / STACK_COPY_FILE_BYTES; i++) {
		auto_free char *name = xasprintf("alternatives/%u", i);

		put(dir, name, "", 0644);
		assert_int_equal(fchmodat(fd, name, 0644, 0), 0);
		{
			auto_close int f = openat(fd, name, O_WRONLY);

			assert_int_equal(ftruncate(f, STACK_COPY_FILE_BYTES), 0);
		}
	}
	assert_int_equal(stack_copy_collect(&c, fd, &e), -EFBIG);
}

static void image_is_a_directory_of_that_name(void **state)
{
	const char *dir = *state;
	struct error e = { 0 };
	struct stack s;

	make_dir(dir, "heroku-24", 0755);
	assert_int_equal(stack_open(&s, "heroku-24", "/nowhere", dir, &e),
			 -ENOENT);
	make_dir(dir, "heroku-24/usr", 0755);
	make_dir(dir, "heroku-24/usr/bin", 0755);
	put(dir, "heroku-24/usr/bin/bash", "", 0755);
	assert_int_equal(stack_open(&s, "heroku-24", "/nowhere", dir, &e), 0);
	assert_null(s.usr);
	stack_deinit(&s);
	assert_int_equal(stack_open(&s, "../x", "/nowhere", dir, &e), -EINVAL);
	assert_int_equal(stack_open(&s, "", "/nowhere", dir, &e), -EINVAL);
	assert_int_equal(stack_open(&s, "absent", "/nowhere", dir, &e), -ENOENT);
	put(dir, "file", "", 0644);
	assert_int_equal(stack_open(&s, "file", "/nowhere", dir, &e), -ENOTDIR);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(skeleton_has_the_places_of_a_root),
		TEST(skeleton_shows_no_secret_of_the_host),
		TEST(prompt_is_the_directory_and_a_dollar),
		TEST(second_open_finds_the_first_skeleton),
		TEST(leftovers_of_crashes_and_earlier_boots_are_removed),
		TEST(only_what_everybody_may_read_is_copied),
		TEST(fingerprint_changes_with_the_content),
		TEST(too_much_is_refused),
		TEST(image_is_a_directory_of_that_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
