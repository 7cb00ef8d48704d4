#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "manager/limits.h"
#include "manager/model/assignment.h"
#include "manager/model/boot.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <cmocka.h>

/* ---- the environment ---- */

static void the_platform_wins_for_three_names_and_path_is_a_default(void **state)
{
	struct assignment a = { .name = (char *)(uintptr_t)"web.1" };
	auto_strv env = STRV_INIT;

	strv_setenv(&a.env, "PORT", "1");
	strv_setenv(&a.env, "HOME", "/root");
	strv_setenv(&a.env, "DYNO", "x");
	strv_setenv(&a.env, "A", "b=c");
	boot_env(&env, &a, 4711);
	assert_string_equal(strv_getenv(&env, "PORT"), "4711");
	assert_string_equal(strv_getenv(&env, "HOME"), "/app");
	assert_string_equal(strv_getenv(&env, "DYNO"), "web.1");
	assert_string_equal(strv_getenv(&env, "A"), "b=c");
	assert_string_equal(strv_getenv(&env, "PATH"), "/usr/local/bin:/usr/bin:/bin");
	assert_int_equal(env.n, 5);
	strv_deinit(&env);
	strv_setenv(&a.env, "PATH", "/app/bin");
	boot_env(&env, &a, 1);
	assert_string_equal(strv_getenv(&env, "PATH"), "/app/bin");
	strv_deinit(&a.env);
}

/* ---- the command as it is shown ---- */

static void shown(const char *command, const char *expected)
{
	auto_strv env = STRV_INIT;
	auto_free char *text = NULL;

	strv_setenv(&env, "PORT", "4711");
	strv_setenv(&env, "A_1", "x y");
	strv_setenv(&env, "EMPTY", "");
	text = boot_command_shown(command, &env);
	assert_string_equal(text, expected);
}

static void variables_of_the_environment_are_shown_expanded(void **state)
{
	shown("puma -p $PORT", "puma -p 4711");
	shown("puma -p ${PORT}0", "puma -p 47110");
	shown("\"$A_1\"$PORT", "\"x y\"4711");
	shown("a ${PORT:-80} b", "a 4711 b");
	shown("a ${NONE:-80} b", "a 80 b");
	shown("a ${EMPTY:-80} b", "a 80 b");
	shown("a${EMPTY}b$EMPTY", "ab");
	shown("$PORT", "4711");
}

static void what_is_not_known_or_quoted_is_shown_as_it_is(void **state)
{
	shown("echo $NONE ${NONE}", "echo $NONE ${NONE}");
	shown("echo '$PORT' \\$PORT", "echo '$PORT' \\$PORT");
	shown("echo $ $$ $1 ${ ${} $(date) ${PORT", "echo $ $$ $1 ${ ${} $(date) ${PORT");
	shown("${PORT%0} ${PORT:-`x`}", "${PORT%0} ${PORT:-`x`}");
	shown("\\", "\\");
	shown("", "");
}

static void a_command_is_shown_on_one_line(void **state)
{
	auto_strv env = STRV_INIT;
	auto_buf big = BUF_INIT;
	auto_free char *text = NULL;

	shown("a\nb\r\nc", "a b  c");
	for (int i = 0; i < 2 * LOG_LINE_MAX; i++)
		buf_adds(&big, "x");
	text = boot_command_shown(buf_str(&big), &env);
	assert_int_equal(strlen(text), LOG_LINE_MAX);
}

/* ---- the script, with a directory in the place of /app ---- */

static void put(const char *dir, const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	struct error e;

	assert_int_equal(file_write_fast(AT_FDCWD, path, text, strlen(text), 0644, &e), 0);
}

static char *replace_app(const char *text, const char *dir)
{
	auto_buf out = BUF_INIT;

	for (const char *hit; (hit = strstr(text, "/app/")); text = hit + 4) {
		buf_add(&out, text, (size_t)(hit - text));
		buf_adds(&out, dir);
	}
	buf_adds(&out, text);
	return buf_take(&out);
}

/* Runs the command as dyno-init would; stdout and stderr come as one. */
static int run(const char *dir, const char *command, struct buf *out)
{
	auto_strv argv = STRV_INIT, mine = STRV_INIT, env = STRV_INIT;
	struct process_spec spec = PROCESS_SPEC_INIT;
	auto_close int rd = -1, pidfd = -1;
	struct error e;
	int p[2], status = -1;
	char chunk[512];
	pid_t pid;
	ssize_t n;

	boot_argv(&argv, command);
	for (size_t i = 0; i < argv.n; i++) {
		auto_free char *arg = replace_app(argv.v[i], dir);

		strv_add(&mine, arg);
	}
	strv_setenv(&env, "PATH", "/usr/local/bin:/usr/bin:/bin");
	strv_setenv(&env, "V", "config");
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	rd = p[0];
	spec.path = mine.v[0];
	spec.argv = strv_argv(&mine);
	spec.envp = strv_argv(&env);
	spec.stdout_fd = spec.stderr_fd = p[1];
	spec.cwd = dir;
	assert_int_equal(process_spawn(&spec, &pid, &pidfd, &e), 0);
	close(p[1]);
	while ((n = read(rd, chunk, sizeof(chunk))) > 0)
		buf_add(out, chunk, (size_t)n);
	assert_int_equal(process_wait(pidfd, &status, &e), 0);
	return status;
}

static void check(const char *dir, const char *command, const char *output, int status)
{
	auto_buf out = BUF_INIT;
	int got = run(dir, command, &out);

	assert_string_equal(buf_str(&out), output);
	assert_int_equal(got, status);
}

static int setup_app(void **state)
{
	char *dir = xstrdup("/tmp/test-boot-XXXXXX");

	*state = dir;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown_app(void **state)
{
	file_remove_tree(AT_FDCWD, *state, NULL);
	free(*state);
	return 0;
}

static void bash_runs_the_command_and_its_status_is_the_dynos(void **state)
{
	const char *dir = *state;

	check(dir, "echo a; echo \"b  $V\" && exit 3", "a\nb  config\n", 3);
	check(dir, "false || echo no", "no\n", 0);
	check(dir, "kill -TERM $$", "", 143);
	check(dir, "echo $0 $# \"$*\"", "bash 0 \n", 0);
}

static void a_missing_program_reads_as_on_the_original(void **state)
{
	check(*state, "npm-is-not-here start", "bash: npm-is-not-here: command not found\n", 127);
	check(*state, "cd /; npm-is-not-here", "bash: npm-is-not-here: command not found\n", 127);
	check(*state, "npm-is-not-here && x || echo $?", "bash: npm-is-not-here: "
	      "command not found\n127\n", 0);
	check(*state, "env | grep -c handle", "0\n", 1);
}

static void profile_scripts_run_in_c_order_and_then_profile(void **state)
{
	auto_free char *profiles = xasprintf("%s/.profile.d", (char *)*state);

	assert_int_equal(mkdir(profiles, 0755), 0);
	put(profiles, "b.sh", "export ORDER=$ORDER-b");
	put(profiles, "B.sh", "export ORDER=$ORDER-B");
	put(profiles, "a.sh", "export ORDER=$ORDER-a V=script");
	put(profiles, "c.txt", "export ORDER=$ORDER-c");
	put(*state, ".profile", "export ORDER=$ORDER-profile");
	check(*state, "LC_ALL=C; echo $ORDER $V", "-B-a-b-profile script\n", 0);
}

static void a_failing_script_stops_nothing_and_leaks_nothing(void **state)
{
	auto_free char *profiles = xasprintf("%s/.profile.d", (char *)*state);
	auto_buf out = BUF_INIT;

	assert_int_equal(mkdir(profiles, 0755), 0);
	put(profiles, "1.sh", "false; set -- x y; unset f; return 7");
	put(profiles, "2.sh", "if then\n");
	put(profiles, "3.sh", "export LATE=1; __dyno_list=; HIDDEN=1");
	assert_int_equal(run(*state, "echo \"[$LATE$HIDDEN$1]\"; env", &out), 0);
	assert_non_null(strstr(buf_str(&out), "[1]\n"));
	assert_null(strstr(buf_str(&out), "__dyno"));
	assert_null(strstr(buf_str(&out), "LC_ALL"));
}

static void a_simple_command_takes_the_place_of_bash(void **state)
{
	auto_buf out = BUF_INIT;

	assert_int_equal(run(*state, "sh -c 'echo $PPID $$'", &out), 0);
	/* Its parent is ours, not a bash in between. */
	assert_int_equal(strtol(buf_str(&out), NULL, 10), getpid());
}

#define A(fn) cmocka_unit_test_setup_teardown(fn, setup_app, teardown_app)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_platform_wins_for_three_names_and_path_is_a_default),
		cmocka_unit_test(variables_of_the_environment_are_shown_expanded),
		cmocka_unit_test(what_is_not_known_or_quoted_is_shown_as_it_is),
		cmocka_unit_test(a_command_is_shown_on_one_line),
		A(bash_runs_the_command_and_its_status_is_the_dynos),
		A(a_missing_program_reads_as_on_the_original),
		A(profile_scripts_run_in_c_order_and_then_profile),
		A(a_failing_script_stops_nothing_and_leaks_nothing),
		A(a_simple_command_takes_the_place_of_bash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
