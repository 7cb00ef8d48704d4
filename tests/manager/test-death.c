#include "base/base.h"
#include "manager/model/death.h"

#include <setjmp.h>
#include <signal.h>
#include <cmocka.h>

#define KILLED { .status = 137, .signal = SIGKILL }

static void who_and_what_ended_it_is_told_by_facts_not_by_137(void **state)
{
	static const struct {
		struct death_facts facts;
		enum death_cause cause;
		const char *by;
	} table[] = {
		{ { .exit.status = 0 }, DEATH_EXIT, "dyno" },
		{ { .exit.status = 137 }, DEATH_EXIT, "dyno" },
		{ { .exit = KILLED }, DEATH_SIGNAL, "dyno" },
		{ { .exit = KILLED, .vast = true }, DEATH_MEMORY, "platform" },
		{ { .exit = KILLED, .late = true }, DEATH_BOOT_TIMEOUT, "platform" },
		{ { .exit = KILLED, .killing = true }, DEATH_STOP_TIMEOUT,
		  "platform" },
		{ { .exit.status = 143, .exit.signal = SIGTERM, .stopping = true },
		  DEATH_STOPPED, "platform" },
		{ { .exit.signal = SIGHUP, .hangup = true }, DEATH_HANGUP,
		  "platform" },
		{ { .exit.status = 137, .exit.oom_kills = 1, .stopping = true },
		  DEATH_MEMORY, "kernel" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		enum death_cause cause = death_judge(&table[i].facts);

		assert_int_equal(cause, table[i].cause);
		assert_string_equal(death_by(cause, &table[i].facts), table[i].by);
	}
}

static void every_cause_has_a_name_and_a_sentence(void **state)
{
	const struct death_facts f = { .reason = "a reason", .exit.signal = 9 };

	for (int i = 0; i < DEATH_CAUSE_COUNT; i++) {
		auto_free char *text = death_sentence((enum death_cause)i, &f);

		assert_non_null(death_name((enum death_cause)i));
		assert_true(strlen(text) > 10);
		assert_int_not_equal(text[strlen(text) - 1], '.');
	}
}

static const char *line_of(const json_t *record, size_t i)
{
	return json_string_value(json_array_get(json_object_get(record, "lines"), i));
}

static void the_last_lines_are_kept_as_far_as_they_fit(void **state)
{
	auto_json *record = json_object();
	char text[20000];

	death_add_lines(record, "", 0);
	assert_int_equal(json_array_size(json_object_get(record, "lines")), 0);
	death_add_lines(record, "cut off\n\nlast\n", 14);
	assert_string_equal(line_of(record, 0), "cut off");
	assert_string_equal(line_of(record, 1), "");
	assert_string_equal(line_of(record, 2), "last");

	memset(text, 'x', sizeof(text));
	death_add_lines(record, text, sizeof(text));
	assert_int_equal(strlen(line_of(record, 0)), 500);

	for (size_t i = 99; i < sizeof(text); i += 100)
		text[i] = '\n';
	text[sizeof(text) - 2] = 'z';
	death_add_lines(record, text, sizeof(text));
	assert_int_equal(json_array_size(json_object_get(record, "lines")),
			 DEATH_LINES_MAX);
	assert_int_equal(line_of(record, DEATH_LINES_MAX - 1)[98], 'z');

	/* Control characters take six bytes each in JSON. */
	memset(text, 1, sizeof(text));
	for (size_t i = 99; i < sizeof(text); i += 100)
		text[i] = '\n';
	death_add_lines(record, text, sizeof(text));
	assert_in_range(json_dumpb(record, NULL, 0, JSON_COMPACT),
			DEATH_TEXT_MAX - 1000, DEATH_TEXT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_and_what_ended_it_is_told_by_facts_not_by_137),
		cmocka_unit_test(every_cause_has_a_name_and_a_sentence),
		cmocka_unit_test(the_last_lines_are_kept_as_far_as_they_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
