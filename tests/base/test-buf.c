/*
 * test-buf.c - the growing byte string.
 */
#include "base/buf.h"

#include <setjmp.h>
#include <cmocka.h>

static void text_is_always_terminated(void **state)
{
	auto_buf b = BUF_INIT;

	assert_string_equal(buf_str(&b), "");
	for (int i = 0; i < 1000; i++) {
		buf_add(&b, "xy", 2);
		assert_int_equal(b.data[b.len], '\0');
	}
	assert_int_equal(b.len, 2000);
	assert_int_equal(strlen(b.data), 2000);
}

static void adding_nothing_gives_an_empty_string(void **state)
{
	auto_buf b = BUF_INIT;

	buf_add(&b, NULL, 0);
	assert_string_equal(b.data, "");
	buf_adds(&b, "");
	assert_int_equal(b.len, 0);
}

static void formats_behind_what_is_there(void **state)
{
	auto_buf b = BUF_INIT;
	char long_text[500];

	memset(long_text, 'l', sizeof(long_text));
	long_text[499] = '\0';
	buf_addf(&b, "%d-", 42);
	buf_addf(&b, "%s", long_text);
	assert_int_equal(b.len, 3 + 499);
	assert_memory_equal(b.data, "42-lll", 6);
}

static void consumes_from_the_front(void **state)
{
	auto_buf b = BUF_INIT;

	buf_consume(&b, 0);
	buf_adds(&b, "hello world");
	buf_consume(&b, 6);
	assert_string_equal(b.data, "world");
	buf_consume(&b, 5);
	assert_string_equal(b.data, "");
	assert_int_equal(b.len, 0);
}

static void cleared_buffer_keeps_its_memory(void **state)
{
	auto_buf b = BUF_INIT;
	char *before;

	buf_clear(&b);
	buf_adds(&b, "text");
	before = b.data;
	buf_clear(&b);
	assert_string_equal(buf_str(&b), "");
	buf_adds(&b, "more");
	assert_ptr_equal(b.data, before);
}

static void taken_text_belongs_to_the_caller(void **state)
{
	struct buf b = BUF_INIT;
	char *empty = buf_take(&b), *text;

	assert_string_equal(empty, "");
	free(empty);
	buf_adds(&b, "mine");
	text = buf_take(&b);
	assert_string_equal(text, "mine");
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	free(text);
}

static void keeps_nul_bytes(void **state)
{
	auto_buf b = BUF_INIT;

	buf_add(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_always_terminated),
		cmocka_unit_test(adding_nothing_gives_an_empty_string),
		cmocka_unit_test(formats_behind_what_is_there),
		cmocka_unit_test(consumes_from_the_front),
		cmocka_unit_test(cleared_buffer_keeps_its_memory),
		cmocka_unit_test(taken_text_belongs_to_the_caller),
		cmocka_unit_test(keeps_nul_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
