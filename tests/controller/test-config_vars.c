/*
 * test-config_vars.c - rules for keys, values and the total; what a release
 * is called.
 */
#include "base/error.h"
#include "controller/model/config_vars.h"
#include "controller/model/outcome.h"

#include <setjmp.h>
#include <cmocka.h>

static json_t *parse(const char *text)
{
	json_t *j = json_loads(text, JSON_ALLOW_NUL, NULL);

	assert_non_null(j);
	return j;
}

static void change(const char *have, const char *patch, const char *want,
		   const char *description)
{
	auto_(config_vars_deinit) struct config_vars_change c = { 0 };
	auto_json *vars = parse(have), *p = parse(patch), *expected = parse(want);
	struct error e;

	assert_int_equal(config_vars_apply(vars, p, &c, &e), 0);
	assert_true(json_equal(c.vars, expected));
	if (description)
		assert_string_equal(c.description, description);
	else
		assert_null(c.description);
}

static void refused(const char *patch, const char *word)
{
	auto_(config_vars_deinit) struct config_vars_change c = { 0 };
	auto_json *vars = parse("{}"), *p = parse(patch);
	struct error e;

	assert_int_equal(config_vars_apply(vars, p, &c, &e), OUTCOME_INVALID);
	assert_non_null(strstr(e.msg, word));
}

static void keys_are_set_and_removed_in_one_change(void **state)
{
	change("{}", "{\"A\":\"1\"}", "{\"A\":\"1\"}", "Set A config vars");
	change("{}", "{\"A\":\"1\",\"B\":\"\"}", "{\"A\":\"1\",\"B\":\"\"}",
	       "Set A, B config vars");
	change("{\"A\":\"1\"}", "{\"A\":null}", "{}", "Remove A config vars");
	change("{\"A\":\"1\"}", "{\"A\":null,\"B\":\"2\"}", "{\"B\":\"2\"}",
	       "Set B, remove A config vars");
}

static void what_is_so_already_is_no_change(void **state)
{
	change("{\"A\":\"1\"}", "{\"A\":\"1\"}", "{\"A\":\"1\"}", NULL);
	change("{\"A\":\"1\"}", "{\"B\":null}", "{\"A\":\"1\"}", NULL);
	change("{\"A\":\"1\"}", "{}", "{\"A\":\"1\"}", NULL);
}

static void bad_keys_and_values_are_refused_by_name(void **state)
{
	refused("{\"1A\":\"x\"}", "1A");
	refused("{\"A-B\":\"x\"}", "A-B");
	refused("{\"\":\"x\"}", "invalid");
	refused("{\"__A\":\"x\"}", "double underscore");
	refused("{\"HEROKU_A\":\"x\"}", "reserved");
	refused("{\"A\":1}", "string or null");
	refused("{\"A\":\"x\\u0000y\"}", "NUL");
}

static void the_total_is_limited_to_64_kb(void **state)
{
	auto_(config_vars_deinit) struct config_vars_change c = { 0 };
	auto_json *vars = json_object(), *patch = json_object();
	auto_free char *value = xcalloc(1, CONFIG_VARS_BYTES_MAX + 1);
	struct error e;

	memset(value, 'x', CONFIG_VARS_BYTES_MAX - 1);
	json_object_set_new(patch, "A", json_string(value));
	assert_int_equal(config_vars_apply(vars, patch, &c, &e), 0);
	config_vars_deinit(&c);
	value[CONFIG_VARS_BYTES_MAX - 1] = 'x';
	json_object_set_new(patch, "A", json_string(value));
	assert_int_equal(config_vars_apply(vars, patch, &c, &e), OUTCOME_INVALID);
	assert_non_null(strstr(e.msg, "64 kB"));
}

static void the_env_of_a_one_off_may_hold_numbers(void **state)
{
	auto_json *env = parse("{\"TERM\":\"xterm\",\"LINES\":24,\"X\":true}");
	auto_json *bad = parse("{\"A B\":\"x\"}"), *list = parse("{\"A\":[]}");
	auto_json *out = NULL;
	struct error e;

	assert_int_equal(config_vars_env(env, &out, &e), 0);
	assert_string_equal(json_str(out, "LINES"), "24");
	assert_string_equal(json_str(out, "X"), "true");
	assert_int_equal(config_vars_env(bad, &out, &e), OUTCOME_INVALID);
	assert_int_equal(config_vars_env(list, &out, &e), OUTCOME_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_set_and_removed_in_one_change),
		cmocka_unit_test(what_is_so_already_is_no_change),
		cmocka_unit_test(bad_keys_and_values_are_refused_by_name),
		cmocka_unit_test(the_total_is_limited_to_64_kb),
		cmocka_unit_test(the_env_of_a_one_off_may_hold_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
