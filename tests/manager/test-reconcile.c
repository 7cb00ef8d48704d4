#include "base/base.h"
#include "manager/model/reconcile.h"

#include <setjmp.h>
#include <cmocka.h>

#define APP "app"

static void same_lists_need_nothing(void **state)
{
	const struct reconcile_want want[] = { { "a", "web.1", APP } };
	const struct reconcile_have have[] = {
		{ "a", "a", "web.1", APP, DYNO_CRASHED, false, false, false } };
	struct reconcile_action actions[2];

	assert_int_equal(reconcile(want, 1, have, 1, actions), 0);
	assert_int_equal(reconcile(NULL, 0, NULL, 0, actions), 0);
}

static void what_is_wanted_may_be_wanted_asleep(void **state)
{
	struct reconcile_want want[] = { { "a", "web.1", APP, true } };
	struct reconcile_have have[] = {
		{ "b", "a", "web.1", APP, DYNO_UP, false, true, false } };
	static const enum dyno_state rests[] = {
		DYNO_BOOTING, DYNO_IDLING, DYNO_IDLE_STOPPING, DYNO_IDLE_KILLING, DYNO_IDLE };
	struct reconcile_action actions[2];

	assert_int_equal(reconcile(want, 1, have, 1, actions), 1);
	assert_int_equal(actions[0].verb, RECONCILE_SLEEP);
	have[0].state = DYNO_CRASHED;
	assert_int_equal(reconcile(want, 1, have, 1, actions), 1);
	for (size_t i = 0; i < ARRAY_SIZE(rests); i++) {
		have[0].state = rests[i];
		assert_int_equal(reconcile(want, 1, have, 1, actions), 0);
	}
	want[0].idle = false;
	assert_int_equal(reconcile(want, 1, have, 1, actions), 1);
	assert_int_equal(actions[0].verb, RECONCILE_WAKE);
	/* One-offs do not sleep. */
	want[0].idle = true;
	have[0] = (struct reconcile_have){ "a", "a", "run.1", APP, DYNO_UP, false, false,
					   false };
	assert_int_equal(reconcile(want, 1, have, 1, actions), 0);
}

static void what_is_wanted_is_made_and_what_is_not_is_stopped_first(void **state)
{
	const struct reconcile_want want[] = { { "a", "web.1", APP } };
	const struct reconcile_have have[] = {
		{ "b", "b", "web.2", APP, DYNO_UP, false, false, false } };
	struct reconcile_action actions[2];

	assert_int_equal(reconcile(want, 1, have, 1, actions), 2);
	assert_int_equal(actions[0].verb, RECONCILE_STOP);
	assert_false(actions[0].replaces);
	assert_int_equal(actions[1].verb, RECONCILE_CREATE);
	assert_int_equal(actions[1].index, 0);
	assert_false(actions[1].replaces);
}

static void a_replacement_waits_until_the_old_one_is_signalled(void **state)
{
	const struct reconcile_want want[] = { { "new", "web.1", APP } };
	struct reconcile_have have[] = {
		{ "old", "old", "web.1", APP, DYNO_UP, false, false, false } };
	struct reconcile_action actions[2];

	assert_int_equal(reconcile(want, 1, have, 1, actions), 1);
	assert_int_equal(actions[0].verb, RECONCILE_STOP);
	assert_true(actions[0].replaces);

	have[0].stopping = true;
	have[0].state = DYNO_LEAVING;
	assert_int_equal(reconcile(want, 1, have, 1, actions), 0);
	have[0].state = DYNO_ABORTING;
	assert_int_equal(reconcile(want, 1, have, 1, actions), 0);

	have[0].state = DYNO_STOPPING;
	assert_int_equal(reconcile(want, 1, have, 1, actions), 1);
	assert_int_equal(actions[0].verb, RECONCILE_CREATE);
	assert_true(actions[0].replaces);
}

static void what_comes_after_a_dyno_that_leaves_for_good_replaces_nobody(void **state)
{
	const struct reconcile_want want[] = { { "new", "web.1", APP } };
	struct reconcile_have have[] = {
		{ .id = "old", .slot = "old", .name = "web.1", .app_id = APP,
		  .state = DYNO_STOPPING, .stopping = true, .formation = true,
		  .for_good = true } };
	struct reconcile_action actions[2];

	assert_int_equal(reconcile(want, 1, have, 1, actions), 1);
	assert_int_equal(actions[0].verb, RECONCILE_CREATE);
	assert_false(actions[0].replaces);
	have[0].for_good = false;
	assert_int_equal(reconcile(want, 1, have, 1, actions), 1);
	assert_true(actions[0].replaces);
}

static void what_is_wanted_again_while_it_stops_is_made_anew(void **state)
{
	const struct reconcile_want want[] = { { "a", "web.1", APP } };
	struct reconcile_have have[] = {
		{ "a", "a", "web.1", APP, DYNO_LEAVING, true, true, false } };
	struct reconcile_action actions[2];

	assert_int_equal(reconcile(want, 1, have, 1, actions), 0);
	have[0].state = DYNO_DOWN;
	assert_int_equal(reconcile(want, 1, have, 1, actions), 1);
	assert_int_equal(actions[0].verb, RECONCILE_CREATE);
	assert_true(actions[0].renewed);

	/* But for a one-off. */
	have[0].formation = false;
	assert_int_equal(reconcile(want, 1, have, 1, actions), 0);
}

static void of_several_old_ones_the_slowest_is_waited_for(void **state)
{
	const struct reconcile_want want[] = { { "new", "web.1", APP } };
	const struct reconcile_have have[] = {
		{ "o1", "o1", "web.1", APP, DYNO_STOPPING, true, false, false },
		{ "o2", "o2", "web.1", APP, DYNO_LEAVING, true, false, false },
		{ "o3", "o3", "web.1", APP, DYNO_KILLING, true, false, false } };
	struct reconcile_action actions[4];

	assert_int_equal(reconcile(want, 1, have, 3, actions), 0);
}

static void the_same_name_in_another_app_is_another_dyno(void **state)
{
	const struct reconcile_want want[] = { { "new", "web.1", "x" } };
	const struct reconcile_have have[] = {
		{ "old", "old", "web.1", "y", DYNO_UP, false, false, false } };
	struct reconcile_action actions[2];

	assert_int_equal(reconcile(want, 1, have, 1, actions), 2);
	assert_int_equal(actions[0].verb, RECONCILE_STOP);
	assert_false(actions[0].replaces);
	assert_int_equal(actions[1].verb, RECONCILE_CREATE);
	assert_false(actions[1].replaces);
}

static void an_ended_dyno_is_forgotten_when_upstream_knows(void **state)
{
	struct reconcile_have have[] = {
		{ "a", "a", "run.1", APP, DYNO_COMPLETE, false, false, false } };
	const struct reconcile_want want[] = { { "a", "run.1", APP } };
	struct reconcile_action actions[2];

	assert_int_equal(reconcile(NULL, 0, have, 1, actions), 0);
	have[0].told = true;
	assert_int_equal(reconcile(NULL, 0, have, 1, actions), 1);
	assert_int_equal(actions[0].verb, RECONCILE_FORGET);
	/* Still in the list: it must not be made again. */
	assert_int_equal(reconcile(want, 1, have, 1, actions), 0);
}

static void a_cycled_dyno_makes_place_for_one_with_another_id(void **state)
{
	const struct reconcile_want want[] = { { "a", "web.1", APP } };
	struct reconcile_have have[] = {
		{ "a", "a", "web.1", APP, DYNO_LEAVING, true, true, false },
		{ "b", "a", "web.1", APP, DYNO_FETCHING, false, false, false } };
	struct reconcile_action actions[3];

	assert_int_equal(reconcile(want, 1, have, 1, actions), 0);
	have[0].state = DYNO_STOPPING;
	assert_int_equal(reconcile(want, 1, have, 1, actions), 1);
	assert_int_equal(actions[0].verb, RECONCILE_CREATE);
	assert_true(actions[0].replaces);
	assert_true(actions[0].renewed);

	/* The successor stands for the assignment, the old one for nothing. */
	assert_int_equal(reconcile(want, 1, have, 2, actions), 0);
	have[0].state = DYNO_DOWN;
	have[0].told = true;
	assert_int_equal(reconcile(want, 1, have, 2, actions), 1);
	assert_int_equal(actions[0].verb, RECONCILE_FORGET);
	assert_int_equal(actions[0].index, 0);
}

static void one_that_ended_before_its_successor_was_made_is_succeeded(void **state)
{
	const struct reconcile_want want[] = { { "a", "web.1", APP } };
	const struct reconcile_have have[] = {
		{ "a", "a", "web.1", APP, DYNO_DOWN, true, true, false } };
	struct reconcile_action actions[2];

	assert_int_equal(reconcile(want, 1, have, 1, actions), 1);
	assert_int_equal(actions[0].verb, RECONCILE_CREATE);
	assert_true(actions[0].renewed);
}

static void two_that_overlap_are_both_left_alone(void **state)
{
	const struct reconcile_want want[] = { { "a", "web.1", APP } };
	const struct reconcile_have have[] = {
		{ "a", "a", "web.1", APP, DYNO_UP, false, true, false },
		{ "b", "a", "web.1", APP, DYNO_BOOTING, false, false, false } };
	struct reconcile_action actions[3];

	assert_int_equal(reconcile(want, 1, have, 2, actions), 0);
	/* Not wanted any more: both go. */
	assert_int_equal(reconcile(NULL, 0, have, 2, actions), 2);
	assert_int_equal(actions[0].verb, RECONCILE_STOP);
	assert_int_equal(actions[1].verb, RECONCILE_STOP);
}

static void when_upstream_knows_the_successor_the_old_one_is_not_wanted(void **state)
{
	const struct reconcile_want want[] = { { "b", "web.1", APP } };
	const struct reconcile_have have[] = {
		{ "a", "a", "web.1", APP, DYNO_UP, false, true, false },
		{ "b", "a", "web.1", APP, DYNO_UP, false, false, false } };
	struct reconcile_action actions[3];

	assert_int_equal(reconcile(want, 1, have, 2, actions), 1);
	assert_int_equal(actions[0].verb, RECONCILE_STOP);
	assert_int_equal(actions[0].index, 0);
	assert_true(actions[0].replaces);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cycled_dyno_makes_place_for_one_with_another_id),
		cmocka_unit_test(one_that_ended_before_its_successor_was_made_is_succeeded),
		cmocka_unit_test(two_that_overlap_are_both_left_alone),
		cmocka_unit_test(when_upstream_knows_the_successor_the_old_one_is_not_wanted),
		cmocka_unit_test(same_lists_need_nothing),
		cmocka_unit_test(what_is_wanted_may_be_wanted_asleep),
		cmocka_unit_test(what_is_wanted_is_made_and_what_is_not_is_stopped_first),
		cmocka_unit_test(a_replacement_waits_until_the_old_one_is_signalled),
		cmocka_unit_test(what_comes_after_a_dyno_that_leaves_for_good_replaces_nobody),
		cmocka_unit_test(what_is_wanted_again_while_it_stops_is_made_anew),
		cmocka_unit_test(of_several_old_ones_the_slowest_is_waited_for),
		cmocka_unit_test(the_same_name_in_another_app_is_another_dyno),
		cmocka_unit_test(an_ended_dyno_is_forgotten_when_upstream_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
