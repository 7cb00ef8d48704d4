/*
 * test-entry.c - the policy for one entry, without any archive.
 */
#include "base/error.h"
#include "slugstore/unpack/entry.h"
#include "slugstore/unpack/limits.h"

#include <setjmp.h>
#include <cmocka.h>

static const struct entry_claim file = { .mode = S_IFREG | 0644, .size = 5 };

static int decide(const char *path, struct entry_verdict *v, struct error *e)
{
	struct entry_claim c = file;

	c.path = path;
	return entry_decide(&c, &limits_slug, v, e);
}

static void paths_below_app_are_made_plain(void **state)
{
	static const struct { const char *path, *want; } cases[] = {
		{ "./app/Procfile", "app/Procfile" },
		{ "app/Procfile", "app/Procfile" },
		{ ".//./app//a/./b", "app/a/b" },
		{ "app/...", "app/..." },
		{ "app/..a/b..", "app/..a/b.." },
		{ "app/app", "app/app" },
		{ "app/ ", "app/ " },
		{ "app/gr\xc3\xb6\xc3\x9f" "e", "app/gr\xc3\xb6\xc3\x9f" "e" },
		{ "app/\xff\xfe", "app/\xff\xfe" },
	};
	struct entry_verdict v;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(decide(cases[i].path, &v, NULL), 0);
		assert_string_equal(v.path, cases[i].want);
		assert_int_equal(v.type, ENTRY_FILE);
		assert_int_equal(v.size, 5);
	}
}

static void entries_outside_app_are_ignored(void **state)
{
	static const char *const paths[] = {
		".", "./", "etc/passwd", "./application/x", "ap", "App/x", "appx",
		"./.profile", " app/x",
	};
	struct entry_claim device = { .path = "dev/sda", .mode = S_IFBLK | 0666 };
	struct entry_claim suid = { .path = "bin/su", .mode = S_IFREG | 04755 };
	struct entry_verdict v;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		assert_int_equal(decide(paths[i], &v, NULL), ENTRY_IGNORED);
	assert_int_equal(entry_decide(&device, &limits_slug, &v, NULL),
			 ENTRY_IGNORED);
	assert_int_equal(entry_decide(&suid, &limits_slug, &v, NULL),
			 ENTRY_IGNORED);
}

static void paths_that_could_leave_are_refused_by_name(void **state)
{
	static const struct { const char *path, *want; } cases[] = {
		{ "app/../../etc/passwd",
		  "entry \"app/../../etc/passwd\" leaves ./app" },
		{ "app/..", "entry \"app/..\" leaves ./app" },
		{ "../app/x", "entry \"../app/x\" leaves ./app" },
		{ "./../x", "entry \"./../x\" leaves ./app" },
		{ "..", "entry \"..\" leaves ./app" },
		{ "etc/../../x", "entry \"etc/../../x\" leaves ./app" },
		{ "app/a/../b", "entry \"app/a/../b\" has \"..\" in its path" },
		{ "app/a/..", "entry \"app/a/..\" has \"..\" in its path" },
		{ "/etc/passwd", "entry \"/etc/passwd\" has an absolute path" },
		{ "//app/x", "entry \"//app/x\" has an absolute path" },
		{ "/app/x", "entry \"/app/x\" has an absolute path" },
		{ "", "an entry has no name" },
		{ NULL, "an entry has no name" },
	};
	struct entry_verdict v;
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(decide(cases[i].path, &v, &e), -EINVAL);
		assert_string_equal(e.msg, cases[i].want);
	}
}

static void types_and_bits_that_a_slug_has_no_use_for_are_refused(void **state)
{
	static const struct { mode_t mode; const char *want; } cases[] = {
		{ S_IFCHR | 0666, "entry \"app/x\" is a device" },
		{ S_IFBLK | 0666, "entry \"app/x\" is a device" },
		{ S_IFIFO | 0666, "entry \"app/x\" is a fifo" },
		{ S_IFSOCK | 0666, "entry \"app/x\" is a socket" },
		{ 0644, "entry \"app/x\" is of an unknown type" },
		{ S_IFREG | 04755, "entry \"app/x\" has a setuid bit" },
		{ S_IFREG | 02755, "entry \"app/x\" has a setgid bit" },
		{ S_IFDIR | 02755, "entry \"app/x\" has a setgid bit" },
		{ S_IFLNK | 0777, "entry \"app/x\" is a link without a target" },
	};
	struct entry_verdict v;
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct entry_claim c = { .path = "app/x", .mode = cases[i].mode };

		assert_int_equal(entry_decide(&c, &limits_slug, &v, &e), -EINVAL);
		assert_string_equal(e.msg, cases[i].want);
	}
}

static void app_itself_must_be_a_directory(void **state)
{
	struct entry_claim c = { .path = "./app/", .mode = S_IFDIR | 0750 };
	struct entry_verdict v;
	struct error e;

	assert_int_equal(entry_decide(&c, &limits_slug, &v, &e), 0);
	assert_string_equal(v.path, "app");
	assert_int_equal(v.mode, 0750);

	assert_int_equal(decide("./app", &v, &e), -EINVAL);
	assert_string_equal(e.msg, "entry \"./app\" is not a directory");
	c = (struct entry_claim){ .path = "app", .mode = S_IFLNK,
				  .symlink = "/etc" };
	assert_int_equal(entry_decide(&c, &limits_slug, &v, &e), -EINVAL);
}

static void symbolic_links_may_be_absolute_but_not_climb_out(void **state)
{
	static const struct { const char *path, *target; bool ok; } cases[] = {
		{ "app/l", "/usr/bin/python3", true },
		{ "app/l", "/app/x", true },
		{ "app/l", "/../../..", true },	/* "/.." is "/" in the dyno */
		{ "app/l", "x", true },
		{ "app/l", ".", true },
		{ "app/a/l", "..", true },
		{ "app/a/l", "../b/../c", true },
		{ "./app//a/./b/l", "../../x", true },
		{ "app/l", "..", false },
		{ "app/l", "../app/x", false },
		{ "app/a/l", "../../app/x", false },
		{ "app/a/l", "x/../../..", false },
		{ "app/l", "./../x", false },
	};
	struct entry_verdict v;
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct entry_claim c = {
			.path = cases[i].path, .symlink = cases[i].target,
			.mode = S_IFLNK | 0777,
		};
		int r = entry_decide(&c, &limits_slug, &v, &e);

		assert_int_equal(r, cases[i].ok ? 0 : -EINVAL);
		if (cases[i].ok)
			assert_string_equal(v.target, cases[i].target);
		else
			assert_non_null(strstr(e.msg, "which leaves ./app"));
	}
}

static void hard_links_lead_below_app_only(void **state)
{
	static const char *const bad[] = {
		"/etc/passwd", "etc/passwd", "../x", "app/../../x", "app/a/../b",
	};
	struct entry_claim c = { .path = "app/l", .mode = S_IFREG | 0644,
				 .hardlink = "./app//a/b" };
	struct entry_verdict v;
	struct error e;

	assert_int_equal(entry_decide(&c, &limits_slug, &v, &e), 0);
	assert_int_equal(v.type, ENTRY_HARDLINK);
	assert_string_equal(v.target, "app/a/b");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		c.hardlink = bad[i];
		assert_int_equal(entry_decide(&c, &limits_slug, &v, &e), -EINVAL);
		assert_non_null(strstr(e.msg, "which leaves ./app"));
	}
}

static void limits_hold_at_their_edges(void **state)
{
	struct limits l = limits_slug;
	struct entry_verdict v;
	struct entry_claim c = file;

	l.depth = 3;
	l.name_bytes = 5;
	l.path_bytes = 12;
	l.file_bytes = 5;
	c.path = "app/12345/12";
	assert_int_equal(entry_decide(&c, &l, &v, NULL), 0);
	c.path = "app/12345/123";
	assert_int_equal(entry_decide(&c, &l, &v, NULL), -EINVAL);
	c.path = "app/123456";
	assert_int_equal(entry_decide(&c, &l, &v, NULL), -EINVAL);
	c.path = "app/a/b";
	assert_int_equal(entry_decide(&c, &l, &v, NULL), 0);
	c.path = "app/a/b/c";
	assert_int_equal(entry_decide(&c, &l, &v, NULL), -EINVAL);
	c.path = "app/a";
	c.size = 6;
	assert_int_equal(entry_decide(&c, &l, &v, NULL), -EINVAL);
	c.path = "ignored";
	assert_int_equal(entry_decide(&c, &l, &v, NULL), -EINVAL);
	c.size = -1;
	assert_int_equal(entry_decide(&c, &l, &v, NULL), -EINVAL);
}

static void the_longest_path_fits_and_one_more_does_not(void **state)
{
	struct limits l = limits_slug;
	char path[PATH_MAX + 1];
	struct entry_verdict v;
	struct entry_claim c = file;

	l.name_bytes = PATH_MAX;
	memset(path, 'x', sizeof(path));
	memcpy(path, "app/", 4);
	path[4095] = '\0';
	c.path = path;
	assert_int_equal(entry_decide(&c, &l, &v, NULL), 0);
	assert_int_equal(strlen(v.path), 4095);
	path[4095] = 'x';
	path[4096] = '\0';
	assert_int_equal(entry_decide(&c, &l, &v, NULL), -EINVAL);
}

static void names_in_messages_are_printable_and_short(void **state)
{
	char out[ENTRY_QUOTE_MAX], name[1000];

	assert_string_equal(entry_quote(out, "a\nb\033[2J\"c"), "a?b?[2J?c");
	memset(name, 'n', sizeof(name));
	name[999] = '\0';
	entry_quote(out, name);
	assert_int_equal(strlen(out), ENTRY_QUOTE_MAX - 1);
	assert_string_equal(out + ENTRY_QUOTE_MAX - 4, "...");
}

static void times_out_of_range_are_made_harmless(void **state)
{
	struct entry_claim c = file;
	struct entry_verdict v;

	c.path = "app/x";
	c.mtime = (struct timespec){ 7, UTIME_NOW };
	assert_int_equal(entry_decide(&c, &limits_slug, &v, NULL), 0);
	assert_int_equal(v.mtime.tv_sec, 7);
	assert_int_equal(v.mtime.tv_nsec, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_below_app_are_made_plain),
		cmocka_unit_test(entries_outside_app_are_ignored),
		cmocka_unit_test(paths_that_could_leave_are_refused_by_name),
		cmocka_unit_test(types_and_bits_that_a_slug_has_no_use_for_are_refused),
		cmocka_unit_test(app_itself_must_be_a_directory),
		cmocka_unit_test(symbolic_links_may_be_absolute_but_not_climb_out),
		cmocka_unit_test(hard_links_lead_below_app_only),
		cmocka_unit_test(limits_hold_at_their_edges),
		cmocka_unit_test(the_longest_path_fits_and_one_more_does_not),
		cmocka_unit_test(names_in_messages_are_printable_and_short),
		cmocka_unit_test(times_out_of_range_are_made_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
