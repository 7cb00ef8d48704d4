/*
 * test-root.c - where an instance keeps its files.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/root.h"
#include "tests/base/directory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <cmocka.h>

static void system_root_has_no_prefix(void **state)
{
	struct root r = ROOT_INIT;

	assert_int_equal(root_init(&r, NULL, NULL), 0);
	assert_string_equal(r.dir, "");
	assert_string_equal(r.etc, "/etc/dyno");
	assert_string_equal(r.lib, "/var/lib/dyno");
	assert_string_equal(r.run, "/run/dyno");
	root_deinit(&r);
	assert_null(r.dir);
	assert_int_equal(root_init(&r, "/", NULL), 0);
	assert_string_equal(r.run, "/run/dyno");
	root_deinit(&r);
}

static void everything_moves_below_the_directory(void **state)
{
	auto_free char *odd = xasprintf("%s/../%s/", (char *)*state,
					(char *)*state + strlen("/tmp/"));
	auto_free char *want = xasprintf("%s/run/dyno", (char *)*state);
	struct root r = ROOT_INIT;
	struct error e;

	assert_int_equal(root_init(&r, odd, NULL), 0);
	assert_string_equal(r.dir, *state);
	assert_string_equal(r.run, want);
	root_deinit(&r);
	assert_int_equal(root_init(&r, "/nonexistent", &e), -ENOENT);
	assert_non_null(strstr(e.msg, "/nonexistent"));
}

static void layout_is_made_and_made_again(void **state)
{
	static const struct { const char *name; mode_t mode; bool service; } dirs[] = {
		{ "var/lib/dyno", 0755, false },
		{ "var/lib/dyno/slugs", 0755, true },
		{ "var/lib/dyno/host", 0700, true },
		{ "var/lib/dyno/controller", 0700, true },
		{ "var/lib/dyno/stacks", 0755, false },
		{ "run/dyno/dynos", 0711, false },
		{ "run/dyno/supervisor", 0755, true },
		{ "run/dyno/controller", 0755, true },
		{ "run/dyno/router", 0755, true },
	};
	struct root r = ROOT_INIT;
	mode_t old = umask(022);
	struct error e;
	char link[64] = "";

	if (getuid() != 0)
		skip();
	assert_int_equal(root_init(&r, *state, NULL), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(root_prepare(&r, 12345, 23456, &e), 0);
	umask(old);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		auto_free char *path = xasprintf("%s/%s", r.dir, dirs[i].name);
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, dirs[i].mode);
		assert_int_equal(st.st_uid, dirs[i].service ? 12345 : 0);
		assert_int_equal(st.st_gid, dirs[i].service ? 23456 : 0);
	}
	{
		auto_free char *path = xasprintf("%s/api.sock", r.run);

		assert_true(readlink(path, link, sizeof(link) - 1) > 0);
		assert_string_equal(link, "controller/api.sock");
	}
	root_deinit(&r);
}

#define TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, directory_setup, directory_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(system_root_has_no_prefix),
		TEST(everything_moves_below_the_directory),
		TEST(layout_is_made_and_made_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
