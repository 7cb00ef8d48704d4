/*
 * test-conf.c - configuration files by table.
 */
#include "base/buf.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/file.h"
#include "tests/base/directory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <cmocka.h>

struct settings {
	char *user;
	bool on;
	uint64_t port, grace, memory;
};

static const struct conf_key keys[] = {
	{ "user", CONF_STRING, offsetof(struct settings, user), 0, 0, "dyno",
	  "whose" },
	{ "on", CONF_BOOL, offsetof(struct settings, on), 0, 0, "no", "whether" },
	{ "port", CONF_UINT, offsetof(struct settings, port), 1, 65535, "80",
	  "where" },
	{ "grace", CONF_SEC, offsetof(struct settings, grace), 0, 0, "30",
	  "how long" },
	{ "memory", CONF_BYTES, offsetof(struct settings, memory), 0, 0, "1M",
	  "how much" },
};
#define KEYS keys, ARRAY_SIZE(keys)

static void put(const char *dir, const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(file_write_fast(AT_FDCWD, path, text, strlen(text), 0600,
					 NULL), 0);
}

static int load(const char *dir, struct settings *s, struct error *e)
{
	*s = (struct settings){ 0 };
	conf_defaults(KEYS, s);
	return conf_load(KEYS, s, dir, "test", e);
}

static void absent_files_leave_the_defaults(void **state)
{
	struct settings s;

	assert_int_equal(load(*state, &s, NULL), 0);
	assert_string_equal(s.user, "dyno");
	assert_false(s.on);
	assert_int_equal(s.port, 80);
	assert_int_equal(s.grace, 30);
	assert_int_equal(s.memory, 1024 * 1024);
	conf_free(KEYS, &s);
	assert_null(s.user);
}

static void file_sets_keys(void **state)
{
	struct settings s;

	put(*state, "test.conf", "# a comment\n\nuser = me and you\n  on=yes\n"
	    "\tport =  8080\nmemory = 2G\n");
	assert_int_equal(load(*state, &s, NULL), 0);
	assert_string_equal(s.user, "me and you");
	assert_true(s.on);
	assert_int_equal(s.port, 8080);
	assert_int_equal(s.memory, 2ULL << 30);
	conf_free(KEYS, &s);
}

static void later_files_win(void **state)
{
	struct settings s;
	auto_free char *dir = xasprintf("%s/test.conf.d", (char *)*state);

	assert_int_equal(file_make_dirs(dir, 0700, NULL), 0);
	put(*state, "test.conf", "port = 1\ngrace = 1\n");
	put(dir, "20.conf", "port = 20\n");
	put(dir, "10.conf", "port = 10\ngrace = 10\n");
	put(dir, ".30.conf", "port = 30\n");
	put(dir, "40.conf.bak", "port = 40\n");
	assert_int_equal(load(*state, &s, NULL), 0);
	assert_int_equal(s.port, 20);
	assert_int_equal(s.grace, 10);
	conf_free(KEYS, &s);
}

static void too_long_a_line_is_an_error(void **state)
{
	struct settings s;
	struct error e;
	auto_buf text = BUF_INIT;

	buf_adds(&text, "\nuser = ");
	for (int i = 0; i < 150; i++)
		buf_adds(&text, "u");
	put(*state, "test.conf", text.data);
	assert_int_equal(load(*state, &s, NULL), 0);
	assert_int_equal(strlen(s.user), 150);
	conf_free(KEYS, &s);
	for (int i = 0; i < 900; i++)
		buf_adds(&text, "=");
	buf_adds(&text, "\nport = 5\n");
	put(*state, "test.conf", text.data);
	assert_int_equal(load(*state, &s, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "line 2: longer than"));
	conf_free(KEYS, &s);
}

static void errors_name_file_and_line(void **state)
{
	static const struct { const char *text, *message; } cases[] = {
		{ "\nports = 1\n", "line 2: unknown key \"ports\"" },
		{ "port = 0\n", "line 1: port = 0: allowed are 1 to 65535" },
		{ "port = 1x\n", "line 1: port = 1x: not a number" },
		{ "port = -1\n", "line 1: port = -1: not a number" },
		{ "port =\n", "line 1: port = : not a number" },
		{ "on = maybe\n", "line 1: on = maybe: allowed are yes and no" },
		{ "[section]\non = yes\n", "sections are not used: [section]" },
		{ "# x\njust words\n", "line 2: expected \"key = value\"" },
		{ "grace = 5M\n", "not a number" },
		{ "memory = 99999999999999T\n", "not a number" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct settings s;
		struct error e;

		put(*state, "test.conf", cases[i].text);
		assert_true(load(*state, &s, &e) < 0);
		assert_non_null(strstr(e.msg, "/test.conf, line"));
		assert_non_null(strstr(e.msg, cases[i].message));
		conf_free(KEYS, &s);
	}
}

static void numbers_have_no_sign_or_blank(void **state)
{
	static const char *const bad[] = { " 5", " -5", "+5", "0x5", "5 ", "" };
	struct settings s = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(conf_set(KEYS, &s, "grace", bad[i], NULL),
				 -EINVAL);
	assert_int_equal(conf_set(KEYS, &s, "grace", "18446744073709551615",
				  NULL), 0);
	assert_int_equal(s.grace, UINT64_MAX);
	assert_true(conf_set(KEYS, &s, "grace", "18446744073709551616", NULL) < 0);
}

#define TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, directory_setup, directory_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(absent_files_leave_the_defaults),
		TEST(file_sets_keys),
		TEST(later_files_win),
		TEST(too_long_a_line_is_an_error),
		TEST(errors_name_file_and_line),
		TEST(numbers_have_no_sign_or_blank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
