#include "base/base.h"
#include "manager/upstream/report.h"

#include <setjmp.h>
#include <cmocka.h>

static void the_first_change_is_told_at_once(void **state)
{
	assert_int_equal(report_pause(0, 1), 0);
	assert_int_equal(report_pause(1000, 1000 + REPORT_GAP_USEC), 0);
	assert_int_equal(report_pause(1000, UINT64_MAX / 2), 0);
}

static void a_burst_is_told_in_few_reports_none_late(void **state)
{
	uint64_t last = 0, due = 0;
	unsigned reports = 0;

	assert_true(REPORT_GAP_USEC <= 100 * USEC_PER_MSEC);
	/* A change each millisecond for a second; report at "due". */
	for (uint64_t now = USEC_PER_SEC; now < 2 * USEC_PER_SEC; now += USEC_PER_MSEC) {
		if (due == 0)
			due = now + report_pause(last, now);
		assert_true(due - now <= REPORT_GAP_USEC);
		if (now < due)
			continue;
		last = now;
		due = 0;
		reports++;
	}
	assert_in_range(reports, 2, USEC_PER_SEC / REPORT_GAP_USEC + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_change_is_told_at_once),
		cmocka_unit_test(a_burst_is_told_in_few_reports_none_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
