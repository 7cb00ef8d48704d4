#include "base/base.h"
#include "manager/model/dyno_fsm.h"

#include <setjmp.h>
#include <cmocka.h>

/* Walk a life: each step names the event, the state after it, and effects that
 * must and must not be among its own. */
struct step {
	enum dyno_event event;
	enum dyno_state state;
	unsigned must, must_not;
};

static void walk(enum dyno_kind kind, enum dyno_state from,
		 const struct step *steps, size_t n)
{
	enum dyno_state s = from;
	unsigned fx;

	for (size_t i = 0; i < n; i++) {
		assert_true(dyno_fsm_step(kind, &s, steps[i].event, &fx));
		assert_string_equal(dyno_fsm_name(s), dyno_fsm_name(steps[i].state));
		assert_int_equal(fx & steps[i].must, steps[i].must);
		assert_int_equal(fx & steps[i].must_not, 0);
	}
}

#define WALK(kind, from, ...) do { \
	static const struct step steps_[] = { __VA_ARGS__ }; \
	walk(kind, from, steps_, ARRAY_SIZE(steps_)); \
} while (0)
#define DO(x) DYNO_DO_##x

static void a_formation_dyno_boots_crashes_and_is_tried_again(void **state)
{
	WALK(DYNO_FORMATION, DYNO_NEW,
	     { DYNO_EV_START, DYNO_FETCHING, DO(FETCH) | DO(LOG_STATE), 0 },
	     { DYNO_EV_SLUG, DYNO_LAUNCHING, DO(LAUNCH), 0 },
	     { DYNO_EV_STARTED, DYNO_BOOTING,
	       DO(LOG_COMMAND) | DO(SERVE) | DO(WATCH_PORT) | DO(ARM), 0 },
	     { DYNO_EV_BOUND, DYNO_UP, DO(LOG_STATE) | DO(REPORT) | DO(DISARM), 0 },
	     { DYNO_EV_TIMEOUT, DYNO_UP, DO(FORGIVE), DO(LOG_STATE) },
	     { DYNO_EV_EXIT, DYNO_CRASHED,
	       DO(LOG_EXIT) | DO(LOG_STATE) | DO(ARM) | DO(REMOVE), DO(RETIRE) },
	     { DYNO_EV_TIMEOUT, DYNO_FETCHING, DO(FETCH) | DO(LOG_STATE), 0 });
}

static void a_boot_timeout_kills_but_waits_for_the_exit(void **state)
{
	WALK(DYNO_FORMATION, DYNO_BOOTING,
	     { DYNO_EV_TIMEOUT, DYNO_BOOTING, DO(LOG_R10) | DO(KILL) | DO(DISARM),
	       DO(LOG_STATE) | DO(ARM) },
	     { DYNO_EV_EXIT, DYNO_CRASHED, DO(LOG_EXIT) | DO(LOG_STATE), 0 });
}

static void a_route_is_withdrawn_before_sigterm(void **state)
{
	WALK(DYNO_FORMATION, DYNO_UP,
	     { DYNO_EV_STOP, DYNO_LEAVING, DO(REPORT) | DO(LOG_LEAVE) | DO(ARM),
	       DO(TERM) | DO(LOG_TERM) },
	     { DYNO_EV_WITHDRAWN, DYNO_STOPPING, DO(TERM) | DO(LOG_TERM) | DO(ARM), 0 },
	     { DYNO_EV_TIMEOUT, DYNO_KILLING, DO(LOG_R12) | DO(KILL), 0 },
	     { DYNO_EV_TIMEOUT, DYNO_KILLING, DO(KILL) | DO(ARM), DO(LOG_R12) },
	     { DYNO_EV_EXIT, DYNO_DOWN, DO(LOG_EXIT) | DO(REMOVE) | DO(RETIRE),
	       DO(LOG_STATE) });
	/* Upstream does not answer. */
	WALK(DYNO_FORMATION, DYNO_LEAVING,
	     { DYNO_EV_TIMEOUT, DYNO_STOPPING, DO(TERM), 0 });
}

static void a_dyno_goes_to_sleep_and_is_woken(void **state)
{
	WALK(DYNO_FORMATION, DYNO_UP,
	     { DYNO_EV_SLEEP, DYNO_IDLING, DO(REPORT) | DO(LOG_LEAVE) | DO(ARM),
	       DO(TERM) | DO(LOG_TERM) },
	     { DYNO_EV_WITHDRAWN, DYNO_IDLE_STOPPING, DO(TERM) | DO(LOG_TERM) | DO(ARM), 0 },
	     { DYNO_EV_TIMEOUT, DYNO_IDLE_KILLING, DO(LOG_R12) | DO(KILL), 0 },
	     { DYNO_EV_EXIT, DYNO_IDLE, DO(LOG_EXIT) | DO(REMOVE) | DO(REPORT),
	       DO(LOG_STATE) | DO(RETIRE) | DO(ARM) },
	     { DYNO_EV_WAKE, DYNO_FETCHING, DO(LOG_STATE) | DO(FETCH), 0 });
	WALK(DYNO_FORMATION, DYNO_NEW, { DYNO_EV_SLEEP, DYNO_IDLE, DO(SAVE), DO(FETCH) });
	WALK(DYNO_FORMATION, DYNO_CRASHED,
	     { DYNO_EV_SLEEP, DYNO_IDLE, DO(DISARM), DO(LOG_STATE) });
}

static void what_sleeps_or_is_about_to_can_be_stopped(void **state)
{
	static const struct { enum dyno_state from, to; } pairs[] = {
		{ DYNO_IDLING, DYNO_LEAVING }, { DYNO_IDLE_STOPPING, DYNO_STOPPING },
		{ DYNO_IDLE_KILLING, DYNO_KILLING }, { DYNO_IDLE, DYNO_DOWN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		enum dyno_state s = pairs[i].from;
		unsigned fx;

		assert_true(dyno_fsm_step(DYNO_FORMATION, &s, DYNO_EV_STOP, &fx));
		assert_int_equal(s, pairs[i].to);
		/* The timer of the state goes on. */
		assert_false(fx & (DO(TERM) | DO(KILL) | DO(ARM)));
		assert_true(!(fx & DO(DISARM)) == (s != DYNO_DOWN));
	}
}

static void a_start_nobody_wants_any_more_is_waited_for_and_stopped(void **state)
{
	for (enum dyno_kind k = 0; k < DYNO_KIND_COUNT; k++) {
		WALK(k, DYNO_LAUNCHING,
		     { DYNO_EV_STOP, DYNO_ABORTING, DO(SAVE), DO(TERM) },
		     { DYNO_EV_STARTED, DYNO_STOPPING, DO(TERM) | DO(SERVE) | DO(ARM), 0 });
	}
	WALK(DYNO_FORMATION, DYNO_ABORTING,
	     { DYNO_EV_NOT_STARTED, DYNO_DOWN, DO(RETIRE), DO(REMOVE) });
}

static void a_wrong_slug_is_r17_and_a_crash(void **state)
{
	WALK(DYNO_FORMATION, DYNO_FETCHING,
	     { DYNO_EV_BAD_SLUG, DYNO_CRASHED, DO(LOG_R17) | DO(LOG_STATE) | DO(ARM),
	       DO(LOG_ERROR) },
	     { DYNO_EV_TIMEOUT, DYNO_FETCHING, DO(FETCH), 0 });
	for (enum dyno_kind k = DYNO_ONEOFF; k <= DYNO_ATTACHED; k++)
		WALK(k, DYNO_FETCHING,
		     { DYNO_EV_BAD_SLUG, DYNO_COMPLETE,
		       DO(LOG_R17) | DO(LOG_STATE) | DO(END_CLIENT) | DO(RETIRE),
		       DO(LOG_ERROR) | DO(ARM) });
}

static void a_oneoff_is_never_tried_again(void **state)
{
	for (enum dyno_kind k = DYNO_ONEOFF; k <= DYNO_ATTACHED; k++) {
		WALK(k, DYNO_UP,
		     { DYNO_EV_EXIT, DYNO_COMPLETE,
		       DO(LOG_EXIT) | DO(LOG_STATE) | DO(END_CLIENT) | DO(RETIRE),
		       DO(ARM) });
		WALK(k, DYNO_FETCHING,
		     { DYNO_EV_NO_SLUG, DYNO_COMPLETE, DO(LOG_ERROR), DO(ARM) });
		WALK(k, DYNO_LAUNCHING,
		     { DYNO_EV_NOT_STARTED, DYNO_COMPLETE, DO(LOG_ERROR), DO(ARM) });
	}
}

static void an_attached_oneoff_waits_for_its_client(void **state)
{
	WALK(DYNO_ATTACHED, DYNO_FETCHING,
	     { DYNO_EV_SLUG, DYNO_AWAITING, DO(LOG_AWAIT) | DO(CONNECT) | DO(ARM),
	       DO(LAUNCH) },
	     { DYNO_EV_CLIENT, DYNO_LAUNCHING, DO(LAUNCH) | DO(DISARM), 0 },
	     { DYNO_EV_STARTED, DYNO_UP, DO(SERVE) | DO(LOG_COMMAND) | DO(LOG_STATE), 0 });
	WALK(DYNO_ATTACHED, DYNO_AWAITING,
	     { DYNO_EV_TIMEOUT, DYNO_COMPLETE, DO(LOG_R13) | DO(LOG_STATE), DO(REMOVE) });
	WALK(DYNO_ATTACHED, DYNO_AWAITING,
	     { DYNO_EV_CLIENT_LOST, DYNO_COMPLETE, DO(LOG_R13), 0 });
}

static void a_lost_client_leads_to_repeated_sighup_then_r16(void **state)
{
	WALK(DYNO_ATTACHED, DYNO_UP,
	     { DYNO_EV_CLIENT_LOST, DYNO_HANGUP, DO(LOG_HUP) | DO(HUP) | DO(ARM), 0 },
	     { DYNO_EV_TIMEOUT, DYNO_HANGUP, DO(LOG_HUP) | DO(HUP) | DO(ARM), 0 },
	     { DYNO_EV_GIVE_UP, DYNO_DETACHED, DO(LOG_R16), DO(HUP) | DO(ARM) | DO(KILL) },
	     { DYNO_EV_EXIT, DYNO_COMPLETE, DO(LOG_EXIT), 0 });
	WALK(DYNO_ATTACHED, DYNO_HANGUP,
	     { DYNO_EV_EXIT, DYNO_COMPLETE, DO(LOG_STATE), DO(LOG_R16) });
}

static void an_event_without_meaning_changes_nothing(void **state)
{
	enum dyno_state s = DYNO_DOWN;
	unsigned fx = 77;

	assert_false(dyno_fsm_step(DYNO_FORMATION, &s, DYNO_EV_BOUND, &fx));
	assert_int_equal(s, DYNO_DOWN);
	assert_int_equal(fx, 77);
	s = DYNO_CRASHED;
	assert_false(dyno_fsm_step(DYNO_FORMATION, &s, DYNO_EV_EXIT, &fx));
}

/* Everything a table leads to, from DYNO_NEW on. */
static unsigned reachable(enum dyno_kind kind)
{
	unsigned seen = 1u << DYNO_NEW, before;

	do {
		before = seen;
		for (enum dyno_state s = 0; s < DYNO_STATE_COUNT; s++)
			for (enum dyno_event ev = 0; ev < DYNO_EVENT_COUNT; ev++) {
				enum dyno_state t = s;
				unsigned fx;

				if (seen & 1u << s && dyno_fsm_step(kind, &t, ev, &fx))
					seen |= 1u << t;
			}
	} while (seen != before);
	return seen;
}

static void every_state_that_can_be_reached_can_be_left_by_stop_or_ends(void **state)
{
	for (enum dyno_kind k = 0; k < DYNO_KIND_COUNT; k++) {
		unsigned states = reachable(k);

		for (enum dyno_state s = 0; s < DYNO_STATE_COUNT; s++) {
			enum dyno_state t = s;
			unsigned fx;
			bool ends = dyno_fsm_is_final(s), stops;

			if (!(states & 1u << s))
				continue;
			stops = s == DYNO_ABORTING || s == DYNO_LEAVING ||
				s == DYNO_STOPPING || s == DYNO_KILLING;
			assert_int_equal(dyno_fsm_step(k, &t, DYNO_EV_STOP, &fx),
					 !ends && !stops);
		}
	}
	assert_false(reachable(DYNO_ONEOFF) & 1u << DYNO_CRASHED);
	assert_false(reachable(DYNO_FORMATION) & 1u << DYNO_COMPLETE);
}

static void every_state_with_a_process_knows_its_exit(void **state)
{
	for (enum dyno_kind k = 0; k < DYNO_KIND_COUNT; k++) {
		unsigned states = reachable(k);

		for (enum dyno_state s = 0; s < DYNO_STATE_COUNT; s++) {
			enum dyno_state t = s;
			unsigned fx;

			if (!(states & 1u << s))
				continue;
			assert_int_equal(dyno_fsm_step(k, &t, DYNO_EV_EXIT, &fx),
					 dyno_fsm_is_running(s) &&
					 s != DYNO_LAUNCHING && s != DYNO_ABORTING);
		}
	}
}

static void every_change_is_stored_and_told(void **state)
{
	for (enum dyno_kind k = 0; k < DYNO_KIND_COUNT; k++)
		for (enum dyno_state s = 0; s < DYNO_STATE_COUNT; s++)
			for (enum dyno_event ev = 0; ev < DYNO_EVENT_COUNT; ev++) {
				enum dyno_state t = s;
				unsigned fx;

				if (!dyno_fsm_step(k, &t, ev, &fx) || t == s)
					continue;
				/* DO_LAUNCH stores by itself, with the instance. */
				assert_true(fx & (DO(SAVE) | DO(LAUNCH)));
				if (!str_eq(dyno_fsm_shown(k, s), dyno_fsm_shown(k, t)))
					assert_true(fx & DO(REPORT));
			}
}

static void names_go_there_and_back(void **state)
{
	for (enum dyno_state s = 0; s < DYNO_STATE_COUNT; s++) {
		enum dyno_state back = DYNO_STATE_COUNT;

		assert_true(dyno_fsm_parse(dyno_fsm_name(s), &back));
		assert_int_equal(back, s);
	}
	for (enum dyno_event ev = 0; ev < DYNO_EVENT_COUNT; ev++)
		assert_non_null(dyno_fsm_event_name(ev));
	assert_false(dyno_fsm_parse("asleep", &(enum dyno_state){ 0 }));
}

static void a_dyno_on_its_way_out_is_not_shown_as_up(void **state)
{
	assert_string_equal(dyno_fsm_shown(DYNO_FORMATION, DYNO_LEAVING), "down");
	assert_string_equal(dyno_fsm_shown(DYNO_FORMATION, DYNO_KILLING), "down");
	assert_string_equal(dyno_fsm_shown(DYNO_FORMATION, DYNO_IDLING), "idle");
	assert_string_equal(dyno_fsm_shown(DYNO_FORMATION, DYNO_IDLE), "idle");
	assert_string_equal(dyno_fsm_shown(DYNO_ONEOFF, DYNO_STOPPING), "up");
	assert_string_equal(dyno_fsm_shown(DYNO_FORMATION, DYNO_BOOTING), "starting");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_formation_dyno_boots_crashes_and_is_tried_again),
		cmocka_unit_test(a_boot_timeout_kills_but_waits_for_the_exit),
		cmocka_unit_test(a_route_is_withdrawn_before_sigterm),
		cmocka_unit_test(a_dyno_goes_to_sleep_and_is_woken),
		cmocka_unit_test(what_sleeps_or_is_about_to_can_be_stopped),
		cmocka_unit_test(a_start_nobody_wants_any_more_is_waited_for_and_stopped),
		cmocka_unit_test(a_wrong_slug_is_r17_and_a_crash),
		cmocka_unit_test(a_oneoff_is_never_tried_again),
		cmocka_unit_test(an_attached_oneoff_waits_for_its_client),
		cmocka_unit_test(a_lost_client_leads_to_repeated_sighup_then_r16),
		cmocka_unit_test(an_event_without_meaning_changes_nothing),
		cmocka_unit_test(every_state_that_can_be_reached_can_be_left_by_stop_or_ends),
		cmocka_unit_test(every_state_with_a_process_knows_its_exit),
		cmocka_unit_test(every_change_is_stored_and_told),
		cmocka_unit_test(names_go_there_and_back),
		cmocka_unit_test(a_dyno_on_its_way_out_is_not_shown_as_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
