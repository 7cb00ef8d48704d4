/*
 * What people type: options, changes of the formation, commands to join,
 * values to quote, durations.
 */
#include "base/base.h"

#include "base/error.h"
#include "cli/app/config.h"
#include "cli/app/run.h"
#include "cli/app/scale.h"
#include "cli/cli.h"
#include "cli/sandbox/keeper.h"
#include "cli/show/when.h"
#include "http/json.h"

#include <setjmp.h>
#include <time.h>
#include <cmocka.h>

static int nothing(int argc, char **argv, void *userdata)
{
	return 0;
}

static const struct verb two_args = { "test", 1, 2, nothing, "A [B]", "test" };

/* Returns what cli_getopt() says in the end; argv as in a verb. */
static int parse(struct cli *cli, const char *shorts, int argc,
		 const char *const *argv)
{
	cli->verb = &two_args;
	optind = 0;
	return cli_getopt(cli, argc, (char **)argv, shorts, NULL);
}

static void common_options_are_understood_before_and_behind_arguments(void **s)
{
	const char *argv[] = { "test", "-a", "shop", "one", "--json", NULL };
	struct cli cli = { 0 };

	assert_int_equal(parse(&cli, "", 5, argv), -1);
	assert_string_equal(cli.app, "shop");
	assert_true(cli.json);
	assert_string_equal(argv[optind], "one");
}

static void too_many_or_too_few_arguments_are_a_wrong_usage(void **s)
{
	const char *none[] = { "test", "--json", NULL };
	const char *many[] = { "test", "1", "2", "3", NULL };
	struct cli cli = { 0 };

	assert_int_equal(parse(&cli, "", 2, none), '?');
	assert_int_equal(cli.status, EXIT_USAGE);
	assert_int_equal(parse(&cli, "", 4, many), '?');
	assert_int_equal(cli.status, EXIT_USAGE);
}

static void unknown_options_and_missing_values_are_a_wrong_usage(void **s)
{
	const char *unknown[] = { "test", "--nope", "1", NULL };
	const char *missing[] = { "test", "1", "-a", NULL };
	struct cli cli = { 0 };

	assert_int_equal(parse(&cli, "", 3, unknown), '?');
	assert_int_equal(cli.status, EXIT_USAGE);
	assert_int_equal(parse(&cli, "", 3, missing), '?');
	assert_int_equal(cli.status, EXIT_USAGE);
}

static void a_plus_leaves_options_behind_the_first_argument_alone(void **s)
{
	const char *argv[] = { "test", "-a", "x", "ls", "-a", NULL };
	struct cli cli = { 0 };

	assert_int_equal(parse(&cli, "+", 5, argv), -1);
	assert_string_equal(cli.app, "x");
	assert_int_equal(optind, 3);
	assert_string_equal(argv[4], "-a");
}

static void help_of_a_verb_is_no_failure(void **s)
{
	const char *argv[] = { "test", "--help", NULL };
	struct cli cli = { 0 };

	assert_int_equal(parse(&cli, "", 2, argv), '?');
	assert_int_equal(cli.status, 0);
}

static void every_verb_has_a_usage_and_is_found_by_its_name(void **s)
{
	for (size_t i = 0; i < cli_n_verbs; i++) {
		auto_free char *name = xstrdup(cli_verbs[i].name);
		char *argv[3] = { name, strchr(name, ' '), NULL };
		int words;

		if (argv[1])
			*argv[1]++ = '\0';
		assert_ptr_equal(verb_find(cli_verbs, cli_n_verbs,
					   argv[1] ? 2 : 1, argv, &words),
				 &cli_verbs[i]);
		assert_int_equal(words, argv[1] ? 2 : 1);
		assert_non_null(cli_verbs[i].args);
	}
}

static void an_app_is_needed_and_its_absence_is_told(void **s)
{
	assert_null(cli_app(&(struct cli){ .app = NULL }));
	assert_null(cli_app(&(struct cli){ .app = "" }));
	assert_string_equal(cli_app(&(struct cli){ .app = "a" }), "a");
}

static void numbers_have_bounds_and_no_tail(void **s)
{
	long x = 7;

	assert_true(cli_number("15", 1, 100, &x));
	assert_int_equal(x, 15);
	assert_false(cli_number("0", 1, 100, &x));
	assert_false(cli_number("101", 1, 100, &x));
	assert_false(cli_number("5x", 1, 100, &x));
	assert_false(cli_number("", 1, 100, &x));
	assert_false(cli_number("99999999999999999999", 1, 100, &x));
	assert_int_equal(x, 15);
}

static void check_scale(const char *text, const char *type, const char *quantity,
			const char *size)
{
	auto_json *updates = json_array();
	const json_t *u;

	assert_int_equal(scale_parse(text, updates, NULL), 0);
	u = json_array_get(updates, 0);
	assert_string_equal(json_str(u, "type"), type);
	assert_string_equal(json_str(u, "quantity"), quantity);
	if (size)
		assert_string_equal(json_str(u, "size"), size);
	else
		assert_null(json_object_get(u, "size"));
}

static void changes_of_the_formation_become_updates(void **s)
{
	check_scale("web=2", "web", "2", NULL);
	check_scale("worker+1", "worker", "+1", NULL);
	check_scale("worker-10", "worker", "-10", NULL);
	check_scale("web=1:standard-2x", "web", "1", "standard-2x");
	check_scale("my-web-1=3", "my-web-1", "3", NULL);
	check_scale("web-1-1", "web-1", "-1", NULL);
}

static void other_forms_of_changes_are_refused(void **s)
{
	static const char *const bad[] = {
		"", "web", "web=", "=2", "web=two", "web=2:", "web 1=2", "web=2x",
		"we/b=1", "web=1:a b", "web=1:x:y", "web=99999999999", "+1", "-1",
	};
	auto_json *updates = json_array();
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(scale_parse(bad[i], updates, &e), -EINVAL);
		assert_non_null(strstr(e.msg, bad[i]));
	}
	assert_int_equal(json_array_size(updates), 0);
}

static void check_join(const char *expected, int argc, const char *const *argv)
{
	auto_free char *line = run_join(argc, (char **)argv);

	assert_string_equal(line, expected);
}

static void commands_are_joined_as_the_heroku_cli_does(void **s)
{
	check_join("echo 'a  b' | wc", 1, (const char *[]){ "echo 'a  b' | wc" });
	check_join("sh -c \"echo a; exit 3\"", 3,
		   (const char *[]){ "sh", "-c", "echo a; exit 3" });
	check_join("echo \"say \\\"hi\\\"\" $HOME;", 3,
		   (const char *[]){ "echo", "say \"hi\"", "$HOME;" });
	check_join("echo a'b", 2, (const char *[]){ "echo", "a'b" });
}

static void check_quote(const char *value, const char *expected)
{
	auto_free char *quoted = config_shell_quote(value);

	assert_string_equal(quoted, expected);
}

static void values_are_quoted_only_where_a_shell_needs_it(void **s)
{
	check_quote("postgres://u:p@h/db", "postgres://u:p@h/db");
	check_quote("", "''");
	check_quote("two words", "'two words'");
	check_quote("it's", "'it'\\''s'");
	check_quote("$(rm)", "'$(rm)'");
	check_quote("a\nb", "'a\nb'");
}

static void check_ago(uint64_t sec, const char *tail)
{
	const uint64_t base = 1700000000ULL * USEC_PER_SEC;	/* 22:13:20 */
	char out[WHEN_TEXT_MAX];
	auto_free char *expected = xasprintf("2023/11/14 22:13:20 +0000%s", tail);

	when_ago(out, "2023-11-14T22:13:20Z", base + sec * USEC_PER_SEC);
	assert_string_equal(out, expected);
}

static void durations_are_rounded_down_to_one_unit(void **s)
{
	char out[WHEN_TEXT_MAX];

	setenv("TZ", "UTC", 1);
	tzset();
	check_ago(0, " (~ 0s ago)");
	check_ago(59, " (~ 59s ago)");
	check_ago(60, " (~ 1m ago)");
	check_ago(3599, " (~ 59m ago)");
	check_ago(3600, " (~ 1h ago)");
	check_ago(25 * 3600 - 1, " (~ 24h ago)");
	check_ago(25 * 3600, "");
	/* A clock that is behind the controller's. */
	when_ago(out, "2023-11-14T22:13:20Z", 0);
	assert_string_equal(out, "2023/11/14 22:13:20 +0000 (~ 0s ago)");
	assert_string_equal(when_text(out, NULL), "-");
	assert_string_equal(when_ago(out, "soon", 0), "-");
}

static void a_daemon_is_restarted_at_once_and_then_slower(void **s)
{
	assert_int_equal(keeper_delay_usec(1), 0);
	assert_int_equal(keeper_delay_usec(2), 100000);
	assert_int_equal(keeper_delay_usec(3), 200000);
	assert_int_equal(keeper_delay_usec(6), 1600000);
	assert_int_equal(keeper_delay_usec(7), 2000000);
	assert_int_equal(keeper_delay_usec(100000), 2000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(common_options_are_understood_before_and_behind_arguments),
		cmocka_unit_test(too_many_or_too_few_arguments_are_a_wrong_usage),
		cmocka_unit_test(unknown_options_and_missing_values_are_a_wrong_usage),
		cmocka_unit_test(a_plus_leaves_options_behind_the_first_argument_alone),
		cmocka_unit_test(help_of_a_verb_is_no_failure),
		cmocka_unit_test(every_verb_has_a_usage_and_is_found_by_its_name),
		cmocka_unit_test(an_app_is_needed_and_its_absence_is_told),
		cmocka_unit_test(numbers_have_bounds_and_no_tail),
		cmocka_unit_test(changes_of_the_formation_become_updates),
		cmocka_unit_test(other_forms_of_changes_are_refused),
		cmocka_unit_test(commands_are_joined_as_the_heroku_cli_does),
		cmocka_unit_test(values_are_quoted_only_where_a_shell_needs_it),
		cmocka_unit_test(durations_are_rounded_down_to_one_unit),
		cmocka_unit_test(a_daemon_is_restarted_at_once_and_then_slower),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
