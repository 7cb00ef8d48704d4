#include "base/base.h"
#include "manager/backoff.h"

#include <setjmp.h>
#include <cmocka.h>

static void the_first_crash_costs_nothing_then_the_table(void **state)
{
	static const unsigned minutes[] = { 0, 20, 40, 60, 180, 320, 320, 320 };

	for (unsigned i = 0; i < ARRAY_SIZE(minutes); i++)
		assert_int_equal(backoff_delay(i + 1, 60),
				 minutes[i] * 60 * USEC_PER_SEC);
	assert_int_equal(backoff_delay(1000000, 60), 320 * 60 * USEC_PER_SEC);
	assert_int_equal(backoff_delay(0, 60), 0);
}

static void the_unit_scales_the_table(void **state)
{
	assert_int_equal(backoff_delay(2, 1), 20 * USEC_PER_SEC);
	assert_int_equal(backoff_delay(1, 0), 0);
	assert_int_equal(backoff_delay(2, 0), USEC_PER_SEC);
	assert_int_equal(backoff_delay(9, 0), USEC_PER_SEC);
}

static void platform_failures_double_up_to_a_bound(void **state)
{
	assert_int_equal(backoff_retry(1, 5 * USEC_PER_SEC), 200 * USEC_PER_MSEC);
	assert_int_equal(backoff_retry(2, 5 * USEC_PER_SEC), 400 * USEC_PER_MSEC);
	assert_int_equal(backoff_retry(6, 5 * USEC_PER_SEC), 5 * USEC_PER_SEC);
	assert_int_equal(backoff_retry(UINT32_MAX, 5 * USEC_PER_SEC), 5 * USEC_PER_SEC);
	assert_int_equal(backoff_retry(0, 5 * USEC_PER_SEC), 200 * USEC_PER_MSEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_crash_costs_nothing_then_the_table),
		cmocka_unit_test(the_unit_scales_the_table),
		cmocka_unit_test(platform_failures_double_up_to_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
