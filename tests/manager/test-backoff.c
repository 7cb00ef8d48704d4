#include "base/error.h"
#include "manager/model/backoff.h"

#include <setjmp.h>
#include <cmocka.h>

static struct backoff table(const char *text, uint64_t unit_sec)
{
	struct backoff b;
	struct error e;

	assert_int_equal(backoff_parse(&b, text, unit_sec, &e), 0);
	return b;
}

static void the_first_crash_costs_nothing_then_the_table(void **state)
{
	static const unsigned minutes[] = { 0, 20, 40, 60, 180, 320, 320, 320 };
	struct backoff b = table("0 20 40 60 180 320", 60);

	for (unsigned i = 0; i < ARRAY_SIZE(minutes); i++)
		assert_int_equal(backoff_delay(&b, i + 1),
				 minutes[i] * 60 * USEC_PER_SEC);
	assert_int_equal(backoff_delay(&b, 1000000), 320 * 60 * USEC_PER_SEC);
	assert_int_equal(backoff_delay(&b, 0), 0);
}

static void the_unit_scales_the_table(void **state)
{
	struct backoff b = table(" 0, 20", 1);

	assert_int_equal(backoff_delay(&b, 2), 20 * USEC_PER_SEC);
	b = table("0 20 320", 0);
	assert_int_equal(backoff_delay(&b, 1), 0);
	assert_int_equal(backoff_delay(&b, 2), USEC_PER_SEC);
	assert_int_equal(backoff_delay(&b, 9), USEC_PER_SEC);
}

static void what_is_no_table_is_refused(void **state)
{
	static const char *const texts[] = {
		"", " ", "x", "1 x", "-1", "10081", "99999999999999999999999",
		"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct backoff b;
		struct error e;

		assert_int_equal(backoff_parse(&b, texts[i], 60, &e), -EINVAL);
	}
}

static void platform_failures_double_up_to_a_bound(void **state)
{
	assert_int_equal(backoff_retry(1, 5 * USEC_PER_SEC), 200 * USEC_PER_MSEC);
	assert_int_equal(backoff_retry(2, 5 * USEC_PER_SEC), 400 * USEC_PER_MSEC);
	assert_int_equal(backoff_retry(6, 5 * USEC_PER_SEC), 5 * USEC_PER_SEC);
	assert_int_equal(backoff_retry(UINT32_MAX, 5 * USEC_PER_SEC), 5 * USEC_PER_SEC);
	assert_int_equal(backoff_retry(0, 5 * USEC_PER_SEC), 200 * USEC_PER_MSEC);
}

static void chance_spreads_calls_over_the_second_half_of_a_pause(void **state)
{
	uint64_t max = 5 * USEC_PER_SEC, sum = 0;

	for (unsigned failures = 1; failures < 12; failures++) {
		uint64_t all = backoff_retry(failures, max), last = UINT64_MAX;

		for (uint32_t c = 0; c < BACKOFF_CHANCES; c++) {
			uint64_t usec = backoff_jitter(failures, max, c);

			assert_true(usec <= all && usec >= all / 2 && usec < last);
			last = usec;
		}
	}
	for (uint32_t c = 0; c < BACKOFF_CHANCES; c++)
		sum += backoff_jitter(20, max, c);
	assert_true(sum / BACKOFF_CHANCES > max * 74 / 100);
	assert_true(sum / BACKOFF_CHANCES < max * 76 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_crash_costs_nothing_then_the_table),
		cmocka_unit_test(the_unit_scales_the_table),
		cmocka_unit_test(what_is_no_table_is_refused),
		cmocka_unit_test(platform_failures_double_up_to_a_bound),
		cmocka_unit_test(chance_spreads_calls_over_the_second_half_of_a_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
