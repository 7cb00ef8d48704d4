/*
 * Token buckets, with a clock of their own.
 */
#include "base/base.h"

#include "base/clock.h"
#include "controller/access/rate_limit.h"

#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define T0 (1000 * USEC_PER_SEC)

static void a_full_bucket_gives_its_burst_and_no_more(void **s)
{
	auto_(rate_limit_free_p) struct rate_limit *r = rate_limit_new(3, 60);

	assert_int_equal(rate_limit_left(r, "a", T0), 3);
	for (int i = 0; i < 3; i++)
		assert_true(rate_limit_take(r, "a", T0));
	assert_false(rate_limit_take(r, "a", T0));
	assert_int_equal(rate_limit_left(r, "a", T0), 0);
	assert_true(rate_limit_take(r, "b", T0));
}

static void one_comes_back_after_its_part_of_the_time(void **s)
{
	auto_(rate_limit_free_p) struct rate_limit *r = rate_limit_new(3, 60);

	for (int i = 0; i < 3; i++)
		rate_limit_take(r, "a", T0);
	assert_int_equal(rate_limit_wait_sec(r, "a", T0), 20);
	assert_false(rate_limit_take(r, "a", T0 + 20 * USEC_PER_SEC - 1));
	assert_true(rate_limit_take(r, "a", T0 + 20 * USEC_PER_SEC));
	assert_false(rate_limit_take(r, "a", T0 + 20 * USEC_PER_SEC));
	assert_int_equal(rate_limit_left(r, "a", T0 + 1000 * USEC_PER_SEC), 3);
}

static void a_limit_of_0_is_none(void **s)
{
	auto_(rate_limit_free_p) struct rate_limit *r = rate_limit_new(0, 60);

	assert_false(rate_limit_is_on(r));
	for (int i = 0; i < 1000; i++)
		assert_true(rate_limit_take(r, "a", T0));
}

static void strangers_cannot_fill_the_memory(void **s)
{
	auto_(rate_limit_free_p) struct rate_limit *r = rate_limit_new(1, 3600);
	char key[32];

	assert_true(rate_limit_take(r, "first", T0));
	for (int i = 0; i < RATE_LIMIT_BUCKETS + 10; i++) {
		snprintf(key, sizeof(key), "%d", i);
		assert_true(rate_limit_take(r, key, T0));
	}
	assert_false(rate_limit_take(r, key, T0));
	/* The oldest was forgotten for the room. */
	assert_true(rate_limit_take(r, "first", T0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_bucket_gives_its_burst_and_no_more),
		cmocka_unit_test(one_comes_back_after_its_part_of_the_time),
		cmocka_unit_test(a_limit_of_0_is_none),
		cmocka_unit_test(strangers_cannot_fill_the_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
