/* Hooks on the host's side. */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/oci/hook.h"
#include "tests/base/directory.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#include <setjmp.h>
#include <cmocka.h>

struct script {
	const char *argv[4];
	const char *env[2];
	struct oci_hook hook;
};

static const struct oci_hook *script(struct script *s, const char *text,
				     unsigned timeout_sec)
{
	*s = (struct script){ .argv = { "sh", "-c", text }, .env = { "OWN=1" } };
	s->hook = (struct oci_hook){
		.path = "/bin/sh",
		.args = { s->argv, 3 },
		.env = { s->env, 1 },
		.timeout_sec = timeout_sec,
	};
	return &s->hook;
}

static int run(const char *text, unsigned timeout_sec, struct error *e)
{
	struct script s;
	const struct oci_hooks hooks = { script(&s, text, timeout_sec), 1 };

	return hook_run(&hooks, "{\"id\":\"x\"}", e);
}

static char *path_in(const char *dir, const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void hooks_run_in_order_until_one_fails(void **state)
{
	const char *dir = *state;
	auto_free char *out = path_in(dir, "out");
	auto_free char *one = xasprintf("echo one >> %s", out);
	auto_free char *two = xasprintf("echo two >> %s; exit 3", out);
	auto_free char *three = xasprintf("echo three >> %s", out);
	auto_buf text = BUF_INIT;
	struct script s[3];
	const struct oci_hook v[3] = {
		*script(&s[0], one, 0), *script(&s[1], two, 0),
		*script(&s[2], three, 0),
	};
	const struct oci_hooks hooks = { v, 3 };
	struct error e;

	assert_int_equal(hook_run(&hooks, "", &e), -EIO);
	assert_string_equal(e.msg, "error running hook /bin/sh: exit status 3");
	assert_int_equal(file_read(AT_FDCWD, out, 100, &text, NULL), 0);
	assert_string_equal(buf_str(&text), "one\ntwo\n");
}

static void a_hook_gets_the_state_and_its_own_environment(void **state)
{
	const char *dir = *state;
	auto_free char *out = path_in(dir, "out");
	auto_free char *text = xasprintf("cat > %s; /usr/bin/env >> %s", out, out);
	auto_buf got = BUF_INIT;
	struct error e;

	setenv("OURS", "2", 1);
	assert_int_equal(run(text, 0, &e), 0);
	assert_int_equal(file_read(AT_FDCWD, out, 4096, &got, NULL), 0);
	assert_non_null(str_after(buf_str(&got), "{\"id\":\"x\"}"));
	assert_non_null(strstr(buf_str(&got), "OWN=1\n"));
	assert_null(strstr(buf_str(&got), "OURS"));
}

static void a_hook_without_an_environment_has_ours(void **state)
{
	struct script s;
	struct oci_hook hook = *script(&s, "test \"$OURS\" = 2", 0);
	const struct oci_hooks hooks = { &hook, 1 };
	struct error e;

	setenv("OURS", "2", 1);
	hook.env.n = 0;
	assert_int_equal(hook_run(&hooks, "", &e), 0);
}

static void a_hook_need_not_read_a_large_state(void **state)
{
	auto_free char *large = xcalloc(1, 1 << 20);
	struct script s;
	const struct oci_hooks hooks = { script(&s, "exit 0", 5), 1 };
	struct error e;

	memset(large, 'x', (1 << 20) - 1);
	assert_int_equal(hook_run(&hooks, large, &e), 0);
}

static void the_last_words_are_in_the_error(void **state)
{
	struct error e;

	assert_int_equal(run("echo to stdout; echo oh >&2; echo no >&2; exit 7", 0,
			     &e), -EIO);
	assert_string_equal(e.msg,
			    "error running hook /bin/sh: exit status 7: oh no");
	assert_int_equal(run("kill -9 $$", 0, &e), -EIO);
	assert_string_equal(e.msg, "error running hook /bin/sh: signal 9");
	/* Much of it: the end counts. */
	assert_int_equal(run("head -c 300000 /dev/zero | tr '\\0' a >&2;"
			     "echo end >&2; exit 1", 0, &e), -EIO);
	assert_non_null(strstr(e.msg, "aaaend"));
}

static void a_hook_that_hangs_is_killed_with_what_it_started(void **state)
{
	const char *dir = *state;
	auto_free char *out = path_in(dir, "pid");
	auto_free char *text = xasprintf("sleep 60 & echo $! > %s; wait", out);
	auto_buf got = BUF_INIT;
	struct error e;
	int pid, tries = 0;

	assert_int_equal(run(text, 1, &e), -ETIMEDOUT);
	assert_string_equal(e.msg,
			    "error running hook /bin/sh: timed out after 1 s");
	assert_int_equal(file_read(AT_FDCWD, out, 100, &got, NULL), 0);
	assert_int_equal(sscanf(buf_str(&got), "%d", &pid), 1);
	/* Killed, but it is for somebody else to reap it. */
	while (kill(pid, 0) == 0 && tries++ < 1000) {
		auto_free char *stat = xasprintf("/proc/%d/stat", pid);
		auto_buf line = BUF_INIT;

		if (file_read(AT_FDCWD, stat, 4096, &line, NULL) < 0 ||
		    strstr(buf_str(&line), ") Z "))
			break;
		usleep(10000);
	}
	assert_true(tries < 1000);
}

static void output_that_stays_open_holds_up_nobody(void **state)
{
	struct error e;

	assert_int_equal(run("sleep 60 & echo $! >&2; exit 1", 0, &e), -EIO);
	assert_int_equal(kill((pid_t)strtol(strrchr(e.msg, ' '), NULL, 10),
			      SIGKILL), 0);
}

static void a_hook_that_is_not_there_is_an_error(void **state)
{
	const struct oci_hook hook = {
		.path = "/nowhere/hook",
		.args = { (const char *[]){ NULL }, 0 },
		.env = { (const char *[]){ NULL }, 0 },
	};
	const struct oci_hooks hooks = { &hook, 1 };
	struct error e;

	assert_int_equal(hook_run(&hooks, "", &e), -ENOENT);
	assert_string_equal(e.msg, "error running hook /nowhere/hook: start "
			    "/nowhere/hook: No such file or directory");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, directory_setup, \
	directory_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hooks_run_in_order_until_one_fails),
		TEST(a_hook_gets_the_state_and_its_own_environment),
		cmocka_unit_test(a_hook_without_an_environment_has_ours),
		cmocka_unit_test(a_hook_need_not_read_a_large_state),
		cmocka_unit_test(the_last_words_are_in_the_error),
		TEST(a_hook_that_hangs_is_killed_with_what_it_started),
		cmocka_unit_test(output_that_stays_open_holds_up_nobody),
		cmocka_unit_test(a_hook_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
