/*
 * test-clock.c - time and its printed forms.
 */
#include "base/clock.h"

#include <setjmp.h>
#include <cmocka.h>

#define MOMENT 1795219422662932ULL	/* 2026-11-21T00:03:42.662932Z */

static void prints_both_forms(void **state)
{
	char text[CLOCK_TEXT_MAX];

	assert_string_equal(clock_api_text(text, MOMENT), "2026-11-21T00:03:42Z");
	assert_string_equal(clock_log_text(text, MOMENT),
			    "2026-11-21T00:03:42.662932+00:00");
	assert_string_equal(clock_log_text(text, 7),
			    "1970-01-01T00:00:00.000007+00:00");
}

static void reads_what_it_prints(void **state)
{
	char text[CLOCK_TEXT_MAX];
	uint64_t usec;

	assert_true(clock_parse(clock_log_text(text, MOMENT), &usec));
	assert_int_equal(usec, MOMENT);
	assert_true(clock_parse(clock_api_text(text, MOMENT), &usec));
	assert_int_equal(usec, MOMENT - MOMENT % USEC_PER_SEC);
}

static void refuses_what_is_no_time(void **state)
{
	static const char *const bad[] = {
		"", "now", "2026-11-21", "2026-11-21T00:03:42",
		"2026-11-21T00:03:42+01:00", "2026-11-21T00:03:42.66Z",
		"2026-11-21T00:03:42.6629321+00:00", "2026-11-21T00:03:42Zx",
		"2026-11-21 00:03:42Z", "2026-13-01T00:00:00Z",
		"2026-02-30T00:00:00Z", " 2026-11-21T00:03:42Z",
		"2026-11-21T00:03:42.+66293Z", "2026-11-21T00:03:42. 66293Z",
		"2026-11-21T24:03:42Z", "1969-12-31T23:59:59Z",
	};
	uint64_t usec = 5;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(clock_parse(bad[i], &usec));
	assert_int_equal(usec, 5);
}

static void monotonic_time_does_not_go_back(void **state)
{
	uint64_t a = clock_mono_usec(), b = clock_mono_usec();

	assert_true(a > 0 && b >= a);
	assert_true(clock_real_usec() > MOMENT / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_both_forms),
		cmocka_unit_test(reads_what_it_prints),
		cmocka_unit_test(refuses_what_is_no_time),
		cmocka_unit_test(monotonic_time_does_not_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
