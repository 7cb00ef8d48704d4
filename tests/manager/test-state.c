#include "base/error.h"
#include "base/file.h"
#include "manager/life/state.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

#define ID "0f8a4e9c-3a55-4c1e-9f2d-5b1c7c1b2a01"

static int setup(void **state)
{
	char *dir = xstrdup("/tmp/test-state-XXXXXX");

	*state = dir;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	file_remove_tree(AT_FDCWD, *state, NULL);
	free(*state);
	return 0;
}

static char text_instance[] = ID;
static char text_error[] = "a \"quoted\" sentence\n";

static void a_state_comes_back_as_it_was(void **state)
{
	struct state st = {
		.state = DYNO_STOPPING, .instance = text_instance, .stopping = true,
		.replaced = true, .since = 1, .changed = 2, .started = 3, .port = 4711,
		.crashes = 5, .failures = 6, .hups = 7, .exit_status = -1,
		.error = text_error,
	}, back;
	struct error e;

	assert_int_equal(state_save(*state, &st, &e), 0);
	assert_int_equal(state_load(*state, &back, &e), 0);
	assert_int_equal(back.state, DYNO_STOPPING);
	assert_string_equal(back.instance, ID);
	assert_string_equal(back.error, text_error);
	assert_true(back.stopping && back.replaced);
	assert_int_equal(back.since, 1);
	assert_int_equal(back.changed, 2);
	assert_int_equal(back.started, 3);
	assert_int_equal(back.port, 4711);
	assert_int_equal(back.crashes, 5);
	assert_int_equal(back.failures, 6);
	assert_int_equal(back.hups, 7);
	assert_int_equal(back.exit_status, -1);
	state_deinit(&back);
}

static void every_state_can_be_stored(void **state)
{
	for (enum dyno_state s = 0; s < DYNO_STATE_COUNT; s++) {
		struct state st = { .state = s }, back;
		struct error e;

		assert_int_equal(state_save(*state, &st, &e), 0);
		assert_int_equal(state_load(*state, &back, &e), 0);
		assert_int_equal(back.state, s);
		assert_null(back.instance);
		state_deinit(&back);
	}
}

static void which_instance_it_was_is_known_without_the_state(void **state)
{
	static char uuid[] = "11111111-2222-4333-8444-555555555555",
		slot[] = "22222222-2222-4333-8444-555555555555";
	static const char *const bad[] = { "", "x 1 y", "11111111-2222-4333-8444-555555555555",
		"11111111-2222-4333-8444-555555555555 99999 22222222-2222-4333-8444-555555555555" };
	struct state st = { .state = DYNO_UP, .instance = uuid, .slot = slot, .port = 5007 };
	auto_free char *path = xasprintf("%s/instance", (char *)*state);
	struct state back;
	struct error e;

	assert_true(state_recall(*state, &back, &e) < 0);
	assert_int_equal(state_save_instance(*state, &st, &e), 0);
	assert_int_equal(state_recall(*state, &back, &e), 0);
	assert_string_equal(back.instance, uuid);
	assert_string_equal(back.slot, slot);
	assert_int_equal(back.port, 5007);
	assert_int_equal(back.exit_status, -1);
	state_deinit(&back);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(file_write_fast(AT_FDCWD, path, bad[i], strlen(bad[i]),
						 0600, &e), 0);
		assert_true(state_recall(*state, &back, &e) < 0);
	}
}

static void broken_files_are_errors(void **state)
{
	static const char *const texts[] = {
		"", "{", "[]", "{}", "{\"state\": \"asleep\"}", "{\"state\": 1}",
		"{\"state\": \"up\", \"port\": \"x\"}",
	};
	auto_free char *path = xasprintf("%s/state.json", (char *)*state);
	struct state st;
	struct error e;

	assert_true(state_load(*state, &st, &e) < 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(file_write_fast(AT_FDCWD, path, texts[i],
						 strlen(texts[i]), 0600, &e), 0);
		assert_true(state_load(*state, &st, &e) < 0);
		assert_non_null(strstr(e.msg, "state.json"));
	}
}

static json_t *sample(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:{s:s}, s:s, s:{s:s}, s:I, s:I, s:i, s:i}",
		"id", ID, "name", "web.1", "type", "web", "kind", "formation",
		"app", "id", ID, "command", "x", "env", "SECRET", "s3",
		"memory", (json_int_t)1 << 29, "memory_max", (json_int_t)1 << 30,
		"pids", 256, "cpu_shares", 1024);
}

static void lists_and_assignments_come_back_and_are_private(void **state)
{
	auto_free char *path = xasprintf("%s/assignments.json", (char *)*state);
	auto_(assignment_unref_p) struct assignment *a = NULL;
	auto_json *json = sample(), *body = NULL;
	struct assignment_list l, back;
	struct stat st;
	struct error e;

	assert_int_equal(state_load_list(*state, &l, NULL, NULL, &e), 0);
	assert_int_equal(l.revision, 0);

	body = json_pack("{s:i, s:[O]}", "revision", 9, "assignments", json);
	assert_int_equal(assignment_list_parse(&l, body, NULL, NULL, &e), 0);
	assert_int_equal(state_save_list(*state, &l, &e), 0);
	assert_int_equal(state_load_list(*state, &back, NULL, NULL, &e), 0);
	assert_int_equal(back.revision, 9);
	assert_int_equal(back.n, 1);
	assert_string_equal(strv_getenv(&back.items[0]->env, "SECRET"), "s3");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_int_equal(state_save_assignment(*state, l.items[0], &e), 0);
	assert_int_equal(state_load_assignment(*state, &a, &e), 0);
	assert_string_equal(a->name, "web.1");
	assignment_list_deinit(&l);
	assignment_list_deinit(&back);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_state_comes_back_as_it_was),
		T(every_state_can_be_stored),
		T(which_instance_it_was_is_known_without_the_state),
		T(broken_files_are_errors),
		T(lists_and_assignments_come_back_and_are_private),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
