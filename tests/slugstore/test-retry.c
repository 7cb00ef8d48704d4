/*
 * test-retry.c - how often, how long. Without waiting.
 */
#include "slugstore/transfer/retry.h"

#include <setjmp.h>
#include <cmocka.h>

static void pauses_double_up_to_a_bound(void **state)
{
	struct retry r = { .allowed = 10, .deadline_usec = UINT64_MAX };
	uint64_t usec, base = 250 * USEC_PER_MSEC;

	for (unsigned i = 0; i < 10; i++) {
		assert_true(retry_again(&r, false, 0, 0, &usec));
		assert_true(usec <= RETRY_PAUSE_USEC_MAX);
		if (i <= 4)
			assert_in_range(usec, (base << i) * 3 / 4,
					(base << i) * 5 / 4);
	}
	assert_false(retry_again(&r, false, 0, 0, &usec));
}

static void progress_begins_the_count_anew_but_not_for_ever(void **state)
{
	struct retry r = { .allowed = 1, .deadline_usec = UINT64_MAX };
	uint64_t usec;
	int n = 0;

	while (retry_again(&r, true, 0, 0, &usec))
		n++;
	assert_int_equal(n, RETRY_TRIES_MAX - 1);
	r = (struct retry){ .allowed = 2, .deadline_usec = UINT64_MAX };
	assert_true(retry_again(&r, false, 0, 0, &usec));
	assert_true(retry_again(&r, true, 0, 0, &usec));
	assert_true(retry_again(&r, false, 0, 0, &usec));
	assert_false(retry_again(&r, false, 0, 0, &usec));
	r = (struct retry){ .allowed = 0, .deadline_usec = UINT64_MAX };
	assert_false(retry_again(&r, true, 0, 0, &usec));
}

static void a_server_gets_its_pause_within_bounds(void **state)
{
	struct retry r = { .allowed = 9, .deadline_usec = UINT64_MAX };
	uint64_t usec;

	assert_true(retry_again(&r, false, 60, 0, &usec));
	assert_int_equal(usec, 60 * USEC_PER_SEC);
	assert_false(retry_again(&r, false, 61, 0, &usec));
	assert_false(retry_again(&r, false, UINT64_MAX, 0, &usec));
}

static void nothing_is_tried_after_the_deadline(void **state)
{
	struct retry r = { .allowed = 9, .deadline_usec = 10 * USEC_PER_SEC };
	uint64_t usec;

	assert_false(retry_again(&r, true, 10, 0, &usec));
	assert_true(retry_again(&r, true, 9, 0, &usec));
	assert_false(retry_again(&r, true, 0, 10 * USEC_PER_SEC, &usec));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_double_up_to_a_bound),
		cmocka_unit_test(progress_begins_the_count_anew_but_not_for_ever),
		cmocka_unit_test(a_server_gets_its_pause_within_bounds),
		cmocka_unit_test(nothing_is_tried_after_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
