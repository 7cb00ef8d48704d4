/*
 * test-slugignore.c - what .slugignore means, as a table.
 */
#include "base/error.h"
#include "slugstore/pack/glob.h"
#include "slugstore/pack/slugignore.h"

#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static void patterns_match_as_those_of_dir_glob(void **state)
{
	static const struct { const char *pattern, *path; bool want; } cases[] = {
		{ "a", "a", true },
		{ "a", "b", false },
		{ "a", "a/b", false },
		{ "a/b", "a/b", true },
		{ "/a//./b/", "a/b", true },
		{ "*", "abc", true },
		{ "*", "a/b", false },
		{ "*", ".profile", false },
		{ ".*", ".profile", true },
		{ "\\.*", ".profile", true },
		{ "?profile", ".profile", false },
		{ "[.]profile", ".profile", false },
		{ "*.md", "a.b.md", true },
		{ "*.md", ".md", false },
		{ "*a*b*c", "xaybzc", true },
		{ "*a*b*c", "xaybz", false },
		{ "a*", "a", true },
		{ "a**b", "axxb", true },
		{ "a?c", "abc", true },
		{ "a?c", "ac", false },
		{ "?", "\xc3\xa9", true },
		{ "??", "\xc3\xa9", false },
		{ "*[^\xc3\xa9]", "\xc3\xa9", false },
		{ "[a-c]x", "bx", true },
		{ "[a-c]x", "dx", false },
		{ "[^a-c]x", "dx", true },
		{ "[!a-c]x", "ax", false },
		{ "[\xc3\xa0-\xc3\xaf]", "\xc3\xa9", true },
		{ "[a\\]]", "]", true },
		{ "[a-]", "-", true },
		{ "[a", "[a", false },
		{ "\\*", "*", true },
		{ "\\*", "a", false },
		{ "A", "a", false },
		{ "**/x", "x", true },
		{ "**/x", "a/b/x", true },
		{ "**/x", "a/.b/x", false },
		{ "**/x", "a/x/b", false },
		{ "a/**/b/c", "a/b/b/c", true },
		{ "a/**/b/**/c", "a/1/b/2/3/c", true },
		{ "a/**/b/**/c", "a/1/2/3/c", false },
		{ "**/.x/**/y", ".x/.x/y", false },
		{ "**/.x/**/y", "a/.x/b/y", true },
		{ "a/**", "a/b", true },
		{ "a/**", "a/b/c", false },
		{ "a/**", "a", false },
		{ "../a", "a", false },
		{ "", "a", false },
		{ "/", "a", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (glob_matches(cases[i].pattern, cases[i].path) !=
		    cases[i].want)
			fail_msg("%s on %s", cases[i].pattern, cases[i].path);
}

static void lines_mean_what_they_mean_to_heroku(void **state)
{
	static const struct {
		const char *text, *path;
		bool is_directory, want;
	} cases[] = {
		{ "x", "x", false, true },
		{ "x", "a/b/x", true, true },
		{ "x", ".a/x", false, false },
		{ "./x", "x", false, true },
		{ "/x", "a/x", false, false },
		{ "/x", "x", false, true },
		{ "a/x", "a/x", false, true },
		{ "a/x", "b/a/x", false, false },
		{ "a/", "a", true, true },
		{ "a/", "a", false, false },
		{ "a/", "b/a", true, false },
		{ "  x\t# why", "x", false, true },
		{ "x\r\n", "x", false, true },
		{ "# x", "x", false, false },
		{ "x#y", "x", false, true },
		{ "!x", "x", false, false },
		{ "!x", "!x", false, true },
		{ "a b", "a b", false, true },
		{ "\n\ny\nx", "x", false, true },
		{ "x", ".slugignore", false, false },
		{ "*.{md,txt}", "d/a.txt", false, true },
		{ "*.{md,txt}", "d/a.rst", false, false },
		{ "{a,b{c,d}}e", "be", false, false },
		{ "{a,b{c,d}}e", "bde", false, true },
		{ "{a,b/c}", "x/a", false, false },
		{ "{a,b/c}", "a", false, true },
		{ "{,x}", "a", false, false },
		{ "{a", "{a", false, true },
		{ "\\{a}", "{a}", false, true },
		{ "**/**", "a", false, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_(slugignore_free_p) struct slugignore *s = NULL;

		assert_int_equal(slugignore_parse(cases[i].text,
						  strlen(cases[i].text), &s,
						  NULL), 0);
		if (slugignore_matches(s, cases[i].path, cases[i].is_directory)
		    != cases[i].want)
			fail_msg("%s on %s", cases[i].text, cases[i].path);
	}
}

static void some_things_are_always_left_out(void **state)
{
	static const struct { const char *path; bool want; } cases[] = {
		{ ".git", true }, { "a/.git", true }, { ".gitmodules", true },
		{ ".gitignore", false }, { "a/.DS_Store", true },
		{ "log", false }, { "log/a", true }, { "a/log/a", false },
		{ "logs/a", false }, { "tmp", false }, { "tmp/a", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (slugignore_is_dropped(cases[i].path) != cases[i].want)
			fail_msg("%s", cases[i].path);
}

static void too_much_is_refused_by_line(void **state)
{
	static const struct { const char *text; size_t n; const char *want; } cases[] = {
		{ "a\nb\0c", 5, "line 2: it holds a NUL" },
		{ "{{{{{{{{{{{{{{{{{", 17, "line 1: more than 16 braces" },
		{ "{,}{,}{,}{,}{,}{,}{,}{,}{,}{,}{,}", 33,
		  "line 1: more than 1024 patterns" },
		{ "\n{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", 56,
		  "line 2: more than 1024 patterns" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct slugignore *s = NULL;
		struct error e;

		assert_int_equal(slugignore_parse(cases[i].text, cases[i].n, &s,
						  &e), -EINVAL);
		assert_non_null(strstr(e.msg, cases[i].want));
	}
}

/* Exponential matching would not come back from this. */
static void no_pattern_takes_long(void **state)
{
	char pattern[4000], path[4000];

	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % 2 ? '*' : 'a';
	memset(path, 'a', sizeof(path));
	pattern[sizeof(pattern) - 1] = 'b';
	pattern[301] = path[299] = '\0';
	pattern[300] = 'b';
	assert_false(glob_matches(pattern, path));
	memcpy(pattern, "**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b",
	       sizeof("**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b"));
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 2 ? '/' : 'a';
	path[sizeof(path) - 1] = '\0';
	assert_false(glob_matches(pattern, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_as_those_of_dir_glob),
		cmocka_unit_test(lines_mean_what_they_mean_to_heroku),
		cmocka_unit_test(some_things_are_always_left_out),
		cmocka_unit_test(too_much_is_refused_by_line),
		cmocka_unit_test(no_pattern_takes_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
