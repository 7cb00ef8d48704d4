/*
 * test-byte_range.c - which bytes a Range header means, and which tags match.
 */
#include "http/byte_range.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static void one_range_is_understood(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
		enum byte_range_kind kind;
		uint64_t first, last;
	} cases[] = {
		{ "bytes=0-0", 10, BYTE_RANGE_PART, 0, 0 },
		{ "bytes=0-9", 10, BYTE_RANGE_PART, 0, 9 },
		{ "bytes=3-5", 10, BYTE_RANGE_PART, 3, 5 },
		{ "bytes=3-", 10, BYTE_RANGE_PART, 3, 9 },
		{ "bytes=9-", 10, BYTE_RANGE_PART, 9, 9 },
		{ "bytes=3-99", 10, BYTE_RANGE_PART, 3, 9 },
		{ "bytes=3-99999999999999999999999", 10, BYTE_RANGE_PART, 3, 9 },
		{ "Bytes= 3-5 ", 10, BYTE_RANGE_PART, 3, 5 },
		{ "bytes=-3", 10, BYTE_RANGE_PART, 7, 9 },
		{ "bytes=-10", 10, BYTE_RANGE_PART, 0, 9 },
		{ "bytes=-99", 10, BYTE_RANGE_PART, 0, 9 },
		{ "bytes=-99999999999999999999999", 10, BYTE_RANGE_PART, 0, 9 },
		{ "bytes=8589934592-", 8589934593, BYTE_RANGE_PART, 8589934592,
		  8589934592 },

		{ "bytes=10-", 10, BYTE_RANGE_OUTSIDE, 0, 0 },
		{ "bytes=10-20", 10, BYTE_RANGE_OUTSIDE, 0, 0 },
		{ "bytes=-0", 10, BYTE_RANGE_OUTSIDE, 0, 0 },
		{ "bytes=0-", 0, BYTE_RANGE_OUTSIDE, 0, 0 },
		{ "bytes=-5", 0, BYTE_RANGE_OUTSIDE, 0, 0 },
		{ "bytes=18446744073709551616-", 10, BYTE_RANGE_OUTSIDE, 0, 0 },

		{ NULL, 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "", 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "bytes", 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "bytes=", 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "bytes=-", 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "bytes=5", 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "bytes=5-3", 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "bytes=0-1,3-4", 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "bytes=0-1,", 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "bytes=-1,2", 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "bytes=1-x", 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "bytes=+1-2", 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "bytes=--1", 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "bytes=0x1-2", 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "lines=0-1", 10, BYTE_RANGE_WHOLE, 0, 0 },
		{ "version ..; max=10", 10, BYTE_RANGE_WHOLE, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct byte_range got = { 0, 0 };

		if (byte_range_parse(cases[i].text, cases[i].size, &got) !=
		    cases[i].kind || got.first != cases[i].first ||
		    got.last != cases[i].last)
			fail_msg("%s of %" PRIu64 ": %" PRIu64 "-%" PRIu64,
				 cases[i].text, cases[i].size, got.first,
				 got.last);
	}
}

static void a_part_is_only_given_of_the_same_thing(void **state)
{
	assert_true(byte_range_if_range(NULL, "abc"));
	assert_true(byte_range_if_range(NULL, NULL));
	assert_true(byte_range_if_range("\"abc\"", "abc"));
	assert_true(byte_range_if_range(" \"abc\" ", "abc"));
	assert_false(byte_range_if_range("\"abd\"", "abc"));
	assert_false(byte_range_if_range("\"abcd\"", "abc"));
	assert_false(byte_range_if_range("\"ab\"", "abc"));
	assert_false(byte_range_if_range("abc", "abc"));
	assert_false(byte_range_if_range("\"abc\"x", "abc"));
	assert_false(byte_range_if_range("W/\"abc\"", "abc"));
	assert_false(byte_range_if_range("\"abc\"", NULL));
	assert_false(byte_range_if_range("", "abc"));
	assert_false(byte_range_if_range("Sat, 21 Nov 2026 09:00:00 GMT", "abc"));
}

static void none_match_reads_a_list_of_tags(void **state)
{
	assert_false(byte_range_none_match(NULL, "abc"));
	assert_false(byte_range_none_match("", "abc"));
	assert_false(byte_range_none_match(",,,", "abc"));
	assert_false(byte_range_none_match("\"abd\"", "abc"));
	assert_false(byte_range_none_match("abc", "abc"));
	assert_false(byte_range_none_match("\"abc", "abc"));
	assert_false(byte_range_none_match("\"x, \"abc\"y", "abc"));
	assert_false(byte_range_none_match("\"abc\"", NULL));
	assert_true(byte_range_none_match("\"abc\"", "abc"));
	assert_true(byte_range_none_match("W/\"abc\"", "abc"));
	assert_true(byte_range_none_match("\"x\", \"y,\" , W/\"abc\",", "abc"));
	assert_true(byte_range_none_match("\"x\",\"abc\",\"z\"", "abc"));
	assert_true(byte_range_none_match("*", "abc"));
	assert_true(byte_range_none_match(" * ", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_range_is_understood),
		cmocka_unit_test(a_part_is_only_given_of_the_same_thing),
		cmocka_unit_test(none_match_reads_a_list_of_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
