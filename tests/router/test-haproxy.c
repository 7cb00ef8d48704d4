/*
 * test-haproxy.c - generations, with a script in HAProxy's place. It writes
 * a line "PID ARGUMENTS" to the file "log" and waits, or fails if told so.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/sock.h"
#include "router/haproxy.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <cmocka.h>

struct proxy {
	char dir[32];
	char *program;
	sd_event *event;
	int fd;
	struct haproxy *haproxy;
};

static const char script[] =
	"#!/bin/sh\n"
	"echo $$ \"$*\" fd $(readlink /proc/$$/fd/3 | cut -d: -f1) >>log\n"
	"test -e fail && exit 1\n"
	"test -e deaf && trap '' TERM\n"
	"while :; do sleep 0.05; done\n";

static int setup(void **state)
{
	struct proxy *p = xcalloc(1, sizeof(*p));
	struct error e;

	snprintf(p->dir, sizeof(p->dir), "/tmp/dyno-router-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->program = xasprintf("%s/haproxy", p->dir);
	assert_int_equal(file_write_fast(AT_FDCWD, p->program, script,
					 strlen(script), 0700, &e), 0);
	assert_true(sd_event_new(&p->event) >= 0);
	p->fd = sock_listen_tcp("127.0.0.1", 0, NULL, &e);
	assert_true(p->fd >= 0);
	assert_int_equal(haproxy_new(&p->haproxy, p->event, p->program, p->dir,
				     p->fd, &e), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct proxy *p = *state;

	haproxy_free(p->haproxy);
	sd_event_unref(p->event);
	fd_close(p->fd);
	assert_int_equal(file_remove_tree(AT_FDCWD, p->dir, NULL), 0);
	free(p->program);
	free(p);
	return 0;
}

static void flag(struct proxy *p, const char *name, bool on)
{
	auto_free char *path = xasprintf("%s/%s", p->dir, name);

	if (on)
		assert_int_equal(file_write_fast(AT_FDCWD, path, "", 0, 0600,
						 NULL), 0);
	else
		unlink(path);
}

/* Runs the loop until n processes have started; returns the log's last line. */
static void wait_started(struct proxy *p, unsigned n, pid_t *ret_pid,
			 struct buf *line)
{
	auto_free char *path = xasprintf("%s/log", p->dir);
	uint64_t end = clock_mono_usec() + 20 * USEC_PER_SEC;

	for (;;) {
		auto_buf text = BUF_INIT;
		unsigned lines = 0;

		assert_true(clock_mono_usec() < end);
		sd_event_run(p->event, 20000);
		file_read(AT_FDCWD, path, 65536, &text, NULL);
		for (size_t i = 0; i < text.len; i++)
			lines += text.data[i] == '\n';
		if (lines < n)
			continue;
		assert_int_equal(lines, n);
		text.data[--text.len] = '\0';
		buf_clear(line);
		buf_adds(line, strrchr(text.data, '\n')
			 ? strrchr(text.data, '\n') + 1 : text.data);
		assert_int_equal(sscanf(line->data, "%d", ret_pid), 1);
		return;
	}
}

static void run(struct proxy *p, uint64_t usec)
{
	uint64_t end = clock_mono_usec() + usec, now;

	while ((now = clock_mono_usec()) < end)
		sd_event_run(p->event, end - now);
}

static bool lives(pid_t pid)
{
	uint64_t ticks;

	return process_start_time(pid, &ticks, NULL) == 0;
}

static void missing_program_is_an_error(void **state)
{
	struct proxy *p = *state;
	struct haproxy *h = NULL;
	struct error e;

	assert_int_equal(haproxy_new(&h, p->event, "/nonexistent/haproxy", p->dir,
				     p->fd, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "/nonexistent/haproxy"));
}

static void socket_is_descriptor_3(void **state)
{
	struct proxy *p = *state;
	auto_buf line = BUF_INIT;
	pid_t pid;

	haproxy_reload(p->haproxy);
	wait_started(p, 1, &pid, &line);
	assert_non_null(strstr(line.data, " -db -q -f haproxy.cfg fd socket"));
}

static void reload_starts_another_and_names_the_old(void **state)
{
	struct proxy *p = *state;
	auto_free char *want = NULL;
	auto_buf line = BUF_INIT;
	pid_t first, second;

	haproxy_reload(p->haproxy);
	wait_started(p, 1, &first, &line);
	haproxy_reload(p->haproxy);
	wait_started(p, 2, &second, &line);
	want = xasprintf("-sf %d fd", (int)first);
	assert_non_null(strstr(line.data, want));
	assert_true(lives(first) && lives(second));
}

static void many_reloads_at_once_are_one(void **state)
{
	struct proxy *p = *state;
	auto_buf line = BUF_INIT;
	pid_t pid;

	haproxy_reload(p->haproxy);
	wait_started(p, 1, &pid, &line);
	for (int i = 0; i < 20; i++) {
		haproxy_reload(p->haproxy);
		sd_event_run(p->event, 1000);
	}
	run(p, USEC_PER_SEC);
	wait_started(p, 2, &pid, &line);
}

static void failed_start_is_tried_again_beside_the_old(void **state)
{
	struct proxy *p = *state;
	auto_buf line = BUF_INIT;
	pid_t first, pid;

	haproxy_reload(p->haproxy);
	wait_started(p, 1, &first, &line);
	flag(p, "fail", true);
	haproxy_reload(p->haproxy);
	wait_started(p, 2, &pid, &line);
	flag(p, "fail", false);
	wait_started(p, 3, &pid, &line);
	assert_true(lives(first) && lives(pid));
}

static void newest_that_ends_is_started_again(void **state)
{
	struct proxy *p = *state;
	auto_buf line = BUF_INIT;
	pid_t first, second;

	haproxy_reload(p->haproxy);
	wait_started(p, 1, &first, &line);
	kill(first, SIGKILL);
	wait_started(p, 2, &second, &line);
	assert_null(strstr(line.data, "-sf"));
}

static void old_that_ends_is_not_replaced(void **state)
{
	struct proxy *p = *state;
	auto_buf line = BUF_INIT;
	pid_t first, second;

	haproxy_reload(p->haproxy);
	wait_started(p, 1, &first, &line);
	haproxy_reload(p->haproxy);
	wait_started(p, 2, &second, &line);
	kill(first, SIGTERM);
	run(p, 1500 * USEC_PER_MSEC);
	wait_started(p, 2, &second, &line);
	assert_false(lives(first));
}

static void free_ends_all_even_the_deaf(void **state)
{
	struct proxy *p = *state;
	auto_buf line = BUF_INIT;
	pid_t first, second;

	haproxy_reload(p->haproxy);
	wait_started(p, 1, &first, &line);
	flag(p, "deaf", true);
	haproxy_reload(p->haproxy);
	wait_started(p, 2, &second, &line);
	run(p, 200 * USEC_PER_MSEC);
	p->haproxy = haproxy_free(p->haproxy);
	assert_false(lives(first) || lives(second));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(missing_program_is_an_error),
		TEST(socket_is_descriptor_3),
		TEST(reload_starts_another_and_names_the_old),
		TEST(many_reloads_at_once_are_one),
		TEST(failed_start_is_tried_again_beside_the_old),
		TEST(newest_that_ends_is_started_again),
		TEST(old_that_ends_is_not_replaced),
		TEST(free_ends_all_even_the_deaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
