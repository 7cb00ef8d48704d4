#include "base/base.h"
#include "manager/model/meter.h"

#include <setjmp.h>
#include <cmocka.h>

#define MIB (1024 * 1024ULL)

static void the_quota_counts_cache_and_the_limit_does_not(void **state)
{
	struct dyno_usage u = { .rss = 500 * MIB, .cache = 12 * MIB };

	assert_int_equal(meter_judge(&u, 512 * MIB, 1024 * MIB), METER_FINE);
	u.cache++;
	assert_int_equal(meter_judge(&u, 512 * MIB, 1024 * MIB), METER_R14);
	u.cache = 2048 * MIB;
	assert_int_equal(meter_judge(&u, 512 * MIB, 1024 * MIB), METER_R14);
	u.swap = 524 * MIB;
	assert_int_equal(meter_judge(&u, 512 * MIB, 1024 * MIB), METER_R15);
}

static void the_words_are_herokus(void **state)
{
	const struct dyno_usage u = {
		.rss = 21 * MIB + MIB / 4, .cache = MIB / 2, .swap = 0,
		.paged_in = 348836, .paged_out = 343403,
	};
	const double loads[] = { 2.456, 1.064, 0.99 };
	char text[METER_TEXT_MAX];

	assert_string_equal(meter_text(text, 590 * MIB, 512 * MIB),
			    "mem=590M(115.2%)");
	assert_string_equal(meter_load_text(text, loads),
			    "sample#load_avg_1m=2.46 sample#load_avg_5m=1.06 "
			    "sample#load_avg_15m=0.99");
	assert_string_equal(meter_memory_text(text, &u, 512 * MIB),
			    "sample#memory_total=21.75MB sample#memory_rss=21.25MB "
			    "sample#memory_cache=0.50MB sample#memory_swap=0.00MB "
			    "sample#memory_pgpgin=348836pages "
			    "sample#memory_pgpgout=343403pages "
			    "sample#memory_quota=512.00MB");
}

static void the_load_comes_near_what_is_sampled(void **state)
{
	double loads[METER_LOADS] = { 0 };

	meter_load(loads, 4, 0);
	assert_true(loads[0] == 0);
	for (int i = 0; i < 3 * 3; i++)
		meter_load(loads, 4, 20 * USEC_PER_SEC);
	/* Three minutes are three times the first one's constant. */
	assert_true(loads[0] > 3.7 && loads[0] < 4);
	assert_true(loads[1] > 1.7 && loads[1] < 2);
	assert_true(loads[2] > 0.6 && loads[2] < 0.8);
}

static void the_share_of_a_processor_is_between_two_samples(void **state)
{
	assert_true(meter_cpu(1000000, 1500000, 1000000) == 50);
	assert_true(meter_cpu(0, 4000000, 2000000) == 200);
	assert_true(meter_cpu(5, 5, 100) == 0);
	assert_true(meter_cpu(5, 50, 0) == 0);
	assert_true(meter_cpu(500, 5, 100) == 0);	/* another process */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_share_of_a_processor_is_between_two_samples),
		cmocka_unit_test(the_quota_counts_cache_and_the_limit_does_not),
		cmocka_unit_test(the_words_are_herokus),
		cmocka_unit_test(the_load_comes_near_what_is_sampled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
