/*
 * test-error.c - how failure travels.
 */
#include "base/error.h"

#include <setjmp.h>
#include <cmocka.h>

static void result_is_the_negative_code(void **state)
{
	struct error e = { 0 };

	assert_int_equal(error_set(&e, EINVAL, "key %d", 7), -EINVAL);
	assert_int_equal(e.code, EINVAL);
	assert_string_equal(e.msg, "key 7");
	assert_int_equal(error_set(NULL, EINVAL, "nobody reads it"), -EINVAL);
}

static void system_error_is_in_words(void **state)
{
	struct error e;

	errno = ENOENT;
	assert_int_equal(error_sys(&e, "open %s", "/x"), -ENOENT);
	assert_string_equal(e.msg, "open /x: No such file or directory");
	errno = 0;
	assert_int_equal(error_sys(&e, "odd"), -EIO);
	assert_int_equal(error_ret(&e, -EAGAIN, "wait"), -EAGAIN);
	assert_string_equal(e.msg, "wait: Resource temporarily unavailable");
}

static void prefix_stands_in_front(void **state)
{
	struct error e;
	int r = error_set(&e, ENOENT, "open /x");

	assert_int_equal(error_prefix(&e, r, "start %s", "web.1"), -ENOENT);
	assert_string_equal(e.msg, "start web.1: open /x");
	assert_int_equal(error_prefix(&e, 0, "no failure"), 0);
	assert_int_equal(error_prefix(&e, 3, "an outcome"), 3);
	assert_string_equal(e.msg, "start web.1: open /x");
	assert_int_equal(error_prefix(NULL, -EIO, "nobody"), -EIO);
}

static void root_cause_is_never_pushed_out(void **state)
{
	struct error e;
	char half[ERROR_MSG_MAX];

	memset(half, 'h', sizeof(half));
	half[ERROR_MSG_MAX / 2] = '\0';
	error_set(&e, EIO, "%s", half);
	error_prefix(&e, -EIO, "%s", half);
	assert_string_equal(e.msg, half);
	error_prefix(&e, -EIO, "short");
	assert_memory_equal(e.msg, "short: hhh", 10);
}

static void long_messages_are_cut_and_terminated(void **state)
{
	struct error e;
	char text[2 * ERROR_MSG_MAX];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	errno = EPERM;
	error_sys(&e, "%s", text);
	assert_int_equal(strlen(e.msg), ERROR_MSG_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(result_is_the_negative_code),
		cmocka_unit_test(system_error_is_in_words),
		cmocka_unit_test(prefix_stands_in_front),
		cmocka_unit_test(root_cause_is_never_pushed_out),
		cmocka_unit_test(long_messages_are_cut_and_terminated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
