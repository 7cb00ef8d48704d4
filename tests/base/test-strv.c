/*
 * test-strv.c - vectors of strings.
 */
#include "base/strv.h"

#include <setjmp.h>
#include <cmocka.h>

static void empty_vector_is_a_valid_argv(void **state)
{
	auto_strv s = STRV_INIT;

	assert_non_null(strv_argv(&s));
	assert_null(strv_argv(&s)[0]);
	assert_false(strv_has(&s, ""));
}

static void stays_terminated_while_growing(void **state)
{
	auto_strv s = STRV_INIT;

	for (int i = 0; i < 100; i++) {
		strv_addf(&s, "n%d", i);
		assert_null(s.v[s.n]);
	}
	assert_string_equal(strv_argv(&s)[99], "n99");
	assert_true(strv_has(&s, "n50"));
	assert_false(strv_has(&s, "n5x"));
}

static void strings_are_copies(void **state)
{
	auto_strv s = STRV_INIT;
	char text[] = "abc";

	strv_add(&s, text);
	text[0] = 'X';
	assert_string_equal(s.v[0], "abc");
}

static void setenv_replaces_the_same_key_only(void **state)
{
	auto_strv s = STRV_INIT;

	strv_setenv(&s, "PATH", "/bin");
	strv_setenv(&s, "PATHX", "no");
	strv_setenv(&s, "PATH", "/usr/bin");
	strv_setenv(&s, "EMPTY", "");
	assert_int_equal(s.n, 3);
	assert_string_equal(strv_getenv(&s, "PATH"), "/usr/bin");
	assert_string_equal(strv_getenv(&s, "PATHX"), "no");
	assert_string_equal(strv_getenv(&s, "EMPTY"), "");
	assert_null(strv_getenv(&s, "PAT"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_vector_is_a_valid_argv),
		cmocka_unit_test(stays_terminated_while_growing),
		cmocka_unit_test(strings_are_copies),
		cmocka_unit_test(setenv_replaces_the_same_key_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
