/*
 * test-upgrade.c - trials of programs that are shell scripts.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/root.h"
#include "manager/dynod/instance_lock.h"
#include "manager/dynod/upgrade.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <cmocka.h>

#define PROOF "printf 'dynod can take over\\n' >&3; "

struct bench {
	char dir[40];
	char *program;
	sd_event *event;
	struct upgrade *upgrade;
	int calls;
	char why[256];			/* "" = it has proved itself */
};

static void on_trial(const char *why, void *userdata)
{
	struct bench *b = userdata;

	b->calls++;
	snprintf(b->why, sizeof(b->why), "%s", why ? why : "");
	b->upgrade = upgrade_free(b->upgrade);
}

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));
	sigset_t set;

	strcpy(b->dir, "/tmp/test-upgrade-XXXXXX");
	if (!mkdtemp(b->dir) || sd_event_new(&b->event) < 0)
		return -1;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	b->program = xasprintf("%s/dynod", b->dir);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	upgrade_free(b->upgrade);
	sd_event_unref(b->event);
	file_remove_tree(AT_FDCWD, b->dir, NULL);
	free(b->program);
	free(b);
	return 0;
}

static void script(struct bench *b, const char *text)
{
	auto_free char *all = xasprintf("#!/bin/sh\n%s\n", text);

	assert_int_equal(file_write_fast(AT_FDCWD, b->program, all, strlen(all), 0700,
					 NULL), 0);
}

/* What on_trial() was told. */
static const char *try(struct bench *b, const char *text)
{
	struct error e;

	script(b, text);
	b->calls = 0;
	assert_int_equal(upgrade_new(&b->upgrade, b->event, b->program, b->dir, on_trial,
				     b, &e), 0);
	while (!b->calls)
		assert_true(sd_event_run(b->event, 30 * USEC_PER_SEC) > 0);
	assert_int_equal(b->calls, 1);
	assert_null(b->upgrade);
	return b->why;
}

static void a_program_that_says_so_can_take_over(void **state)
{
	assert_string_equal(try(*state, PROOF "exit 0"), "");
}

static void it_is_asked_to_try_with_the_same_root(void **state)
{
	struct bench *b = *state;
	auto_free char *text = xasprintf("echo \"$*\" >%s/args; " PROOF, b->dir);
	auto_free char *path = xasprintf("%s/args", b->dir);
	auto_free char *wanted = xasprintf("--trial --root %s\n", b->dir);
	auto_buf args = BUF_INIT;

	assert_string_equal(try(b, text), "");
	assert_int_equal(file_read(AT_FDCWD, path, 256, &args, NULL), 0);
	assert_string_equal(buf_str(&args), wanted);
}

static void whoever_does_not_prove_it_is_not_executed(void **state)
{
	static const struct { const char *text, *why; } cases[] = {
		{ "exit 0", "it does not say that it can take over" },
		{ "printf 'dynod can' >&3", "it does not say that it can take over" },
		{ "printf 'I am another program' >&3", "it does not say" },
		{ PROOF "exit 3", "ended with status 3" },
		{ "kill -SEGV $$", "ended by signal 11" },
		{ PROOF "kill -KILL $$", "ended by signal 9" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (!strstr(try(*state, cases[i].text), cases[i].why))
			fail_msg("\"%s\": %s", cases[i].text,
				 ((struct bench *)*state)->why);
}

static void a_program_that_is_gone_is_an_error_or_a_failed_trial(void **state)
{
	struct bench *b = *state;
	struct error e;

	if (upgrade_new(&b->upgrade, b->event, b->program, b->dir, on_trial, b, &e) < 0) {
		assert_non_null(strstr(e.msg, "No such file"));
		return;
	}
	while (!b->calls)
		assert_true(sd_event_run(b->event, 30 * USEC_PER_SEC) > 0);
	assert_string_not_equal(b->why, "");
}

static void a_trial_can_be_given_up(void **state)
{
	struct bench *b = *state;
	struct error e;

	script(b, "exec sleep 1000");
	assert_int_equal(upgrade_new(&b->upgrade, b->event, b->program, b->dir, on_trial,
				     b, &e), 0);
	b->upgrade = upgrade_free(b->upgrade);
	assert_int_equal(b->calls, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* ---- the lock ---- */

/* What becomes the script, in a child: it has the lock, and nobody else gets it. */
static void the_lock_stays_held_while_another_program_takes_over(void **state)
{
	struct bench *b = *state;
	auto_(root_deinit) struct root root = ROOT_INIT;
	auto_free char *go = xasprintf("%s/go", b->dir);
	auto_free char *text = xasprintf("while ! test -e %s; do sleep 0.01; done; "
					 "readlink /proc/self/fd/$DYNO_LOCK_FD | "
					 "grep -q dynod.lock",
					 go);
	struct error e;
	int status, fd;
	pid_t pid;

	script(b, text);
	assert_int_equal(root_init(&root, b->dir, &e), 0);
	pid = fork();
	if (pid == 0) {
		fd = instance_lock(&root, &e);
		if (fd >= 0)
			upgrade_exec(b->program, b->dir, fd, &e);
		_exit(100);
	}
	for (int i = 0; i < 1000; i++) {
		fd = instance_lock(&root, &e);
		if (fd < 0)
			break;
		fd_close(fd);		/* it has not come to it yet */
		usleep(1000);
	}
	assert_int_equal(fd, -EBUSY);
	assert_int_equal(file_write_fast(AT_FDCWD, go, "", 0, 0600, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fd = instance_lock(&root, &e);
	assert_true(fd >= 0);
	fd_close(fd);
}

static void an_inherited_lock_is_taken_and_not_handed_on(void **state)
{
	struct bench *b = *state;
	auto_(root_deinit) struct root root = ROOT_INIT;
	struct error e;
	int fd;

	assert_int_equal(root_init(&root, b->dir, &e), 0);
	fd = instance_lock(&root, &e);
	assert_true(fd > 2);
	instance_lock_leave(fd);
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	assert_int_equal(instance_lock(&root, &e), fd);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_null(getenv("DYNO_LOCK_FD"));
	/* One that is no lock of ours is none. */
	setenv("DYNO_LOCK_FD", "1", 1);
	assert_int_equal(instance_lock(&root, &e), -EBUSY);
	fd_close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(a_program_that_says_so_can_take_over),
		T(it_is_asked_to_try_with_the_same_root),
		T(whoever_does_not_prove_it_is_not_executed),
		T(a_program_that_is_gone_is_an_error_or_a_failed_trial),
		T(a_trial_can_be_given_up),
		T(the_lock_stays_held_while_another_program_takes_over),
		T(an_inherited_lock_is_taken_and_not_handed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
