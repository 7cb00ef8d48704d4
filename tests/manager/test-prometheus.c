/*
 * test-prometheus.c - the text format, and what is counted for it.
 */
#include "base/buf.h"
#include "manager/api/prometheus.h"
#include "manager/supervisor/tally.h"

#include <setjmp.h>
#include <cmocka.h>

static void a_family_has_its_two_lines(void **state)
{
	auto_buf out = BUF_INIT;

	prometheus_family(&out, "dyno_x", "gauge", "What it is.");
	assert_string_equal(buf_str(&out), "# HELP dyno_x What it is.\n"
					   "# TYPE dyno_x gauge\n");
}

static void numbers_are_whole_if_they_are(void **state)
{
	auto_buf out = BUF_INIT;

	prometheus_sample(&out, "a", NULL, 549755813888.0);
	prometheus_sample(&out, "b", NULL, 0.25);
	prometheus_sample(&out, "c", NULL, 0);
	assert_string_equal(buf_str(&out), "a 549755813888\nb 0.25\nc 0\n");
}

static void labels_are_quoted_whatever_is_in_them(void **state)
{
	const struct prometheus_label labels[] = {
		{ "app", "a\"b\\c\nd" }, { "dyno", NULL }, { NULL, NULL },
	};
	auto_buf out = BUF_INIT;

	prometheus_sample(&out, "x", labels, 1);
	assert_string_equal(buf_str(&out), "x{app=\"a\\\"b\\\\c\\nd\",dyno=\"\"} 1\n");
}

static void only_lines_that_say_a_code_are_counted(void **state)
{
	struct tally t = { 0 };

	tally_line(&t, "Error R14 (Memory quota exceeded)");
	tally_line(&t, "Error R14 (Memory quota exceeded)");
	tally_line(&t, "Error R99 (Platform error) -> Failed to x");
	tally_line(&t, "Starting process with command `echo Error R12 (x)`");
	tally_line(&t, "Error R1");
	tally_line(&t, "Error R123 (x)");
	tally_line(&t, "");
	for (unsigned i = 0; i < TALLY_CODES_MAX; i++)
		assert_int_equal(t.codes[i], i == 14 ? 2 : i == 99 ? 1 : 0);
}

static void the_known_codes_are_distinct_and_in_range(void **state)
{
	size_t n = 0;

	for (; tally_codes[n]; n++) {
		assert_true(tally_codes[n] < TALLY_CODES_MAX);
		assert_true(n == 0 || tally_codes[n] > tally_codes[n - 1]);
	}
	assert_int_equal(n, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_family_has_its_two_lines),
		cmocka_unit_test(numbers_are_whole_if_they_are),
		cmocka_unit_test(labels_are_quoted_whatever_is_in_them),
		cmocka_unit_test(only_lines_that_say_a_code_are_counted),
		cmocka_unit_test(the_known_codes_are_distinct_and_in_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
