/*
 * test-host-plan.c - each state has a reason, and the right time.
 */
#include "manager/model/host_plan.h"

#include <setjmp.h>
#include <cmocka.h>

#define TIMER 4711

/* d explained: it waits for this, and the sentence has this in it. */
static void check(struct host_plan_dyno d, const char *waits_for, const char *words,
		  uint64_t until)
{
	struct host_plan_reason r;

	d.timer = TIMER;
	d.starts_max = 8;
	d.hups_max = 3;
	host_plan_explain(&d, &r);
	if (waits_for)
		assert_string_equal(r.waits_for, waits_for);
	else
		assert_null(r.waits_for);
	if (!strstr(r.why, words))
		fail_msg("\"%s\" is not in \"%s\"", words, r.why);
	assert_int_equal(r.until, until);
	host_plan_reason_deinit(&r);
}

static void every_state_has_a_sentence(void **state)
{
	for (enum dyno_state s = 0; s < DYNO_STATE_COUNT; s++) {
		struct host_plan_reason r;

		host_plan_explain(&(struct host_plan_dyno){ .state = s }, &r);
		assert_non_null(r.why);
		assert_true(strlen(r.why) > 5);
		host_plan_reason_deinit(&r);
	}
}

static void a_dyno_that_is_up_waits_for_nothing(void **state)
{
	check((struct host_plan_dyno){ .state = DYNO_UP }, NULL, "as wanted", 0);
	check((struct host_plan_dyno){ .state = DYNO_UP, .overlaps = true },
	      "successor", "until its successor is up", 0);
}

static void a_slug_is_fetched_or_queued_or_has_no_room(void **state)
{
	struct host_plan_dyno d = { .state = DYNO_FETCHING };

	check(d, "slug", "is being fetched", TIMER);
	d.error = "HTTP status 500";
	check(d, "slug", "again (HTTP status 500)", TIMER);
	d.slug = HOST_PLAN_SLUG_QUEUED;
	check(d, "slug", "another one", TIMER);
	d.slug = HOST_PLAN_SLUG_PAUSED;
	d.error = "needs 9 GiB";
	check(d, "slug", "(needs 9 GiB), will retry", TIMER);
}

static void a_start_has_its_place_in_the_queue(void **state)
{
	struct host_plan_dyno d = { .state = DYNO_LAUNCHING };

	check(d, "start", "dynod is starting it", TIMER);
	d.ahead = 1;
	check(d, "start", "1 start is before it, of which 8", TIMER);
	d.ahead = 12;
	check(d, "start", "12 starts are before it", TIMER);
}

static void a_crash_and_a_failure_are_two_things(void **state)
{
	struct host_plan_dyno d = { .state = DYNO_CRASHED, .crashes = 1 };

	check(d, "back-off", "crashed 1 time in", TIMER);
	d.crashes = 3;
	check(d, "back-off", "crashed 3 times in", TIMER);
	d.failures = 2;
	d.error = "no user namespace";
	check(d, "back-off", "could not be started, 2 times in a row (no user "
	      "namespace)", TIMER);
}

static void the_way_out_is_told_step_by_step(void **state)
{
	check((struct host_plan_dyno){ .state = DYNO_LEAVING }, "route", "withdrawn",
	      TIMER);
	check((struct host_plan_dyno){ .state = DYNO_STOPPING }, "exit", "SIGTERM",
	      TIMER);
	check((struct host_plan_dyno){ .state = DYNO_KILLING }, "exit", "the kernel",
	      TIMER);
	check((struct host_plan_dyno){ .state = DYNO_HANGUP, .hups = 2 }, "exit",
	      "2 of 3 times", TIMER);
	check((struct host_plan_dyno){ .state = DYNO_DOWN }, "upstream",
	      "has not been told", TIMER);
}

static void only_web_dynos_wait_for_a_port(void **state)
{
	check((struct host_plan_dyno){ .state = DYNO_BOOTING, .web = true, .port = 3077 },
	      "port", "its port 3077", TIMER);
	check((struct host_plan_dyno){ .state = DYNO_BOOTING }, "port", "just been", TIMER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_has_a_sentence),
		cmocka_unit_test(a_dyno_that_is_up_waits_for_nothing),
		cmocka_unit_test(a_slug_is_fetched_or_queued_or_has_no_room),
		cmocka_unit_test(a_start_has_its_place_in_the_queue),
		cmocka_unit_test(a_crash_and_a_failure_are_two_things),
		cmocka_unit_test(the_way_out_is_told_step_by_step),
		cmocka_unit_test(only_web_dynos_wait_for_a_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
