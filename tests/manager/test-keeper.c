#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "manager/dynod/keeper.h"
#include "manager/protocol/host_proto.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <cmocka.h>

#define STEP_TIMEOUT_USEC (60 * USEC_PER_SEC)

struct bench {
	sd_event *event;
	struct keeper *keeper;
	char dir[32];
	char program[64];
	unsigned starts, ends;
	int fd, listen_fd;
	pid_t pid;
	char ended[512];
};

static void on_start(int fd, pid_t pid, void *userdata)
{
	struct bench *b = userdata;

	b->starts++;
	b->fd = fd_close(b->fd);
	b->fd = fd;
	b->pid = pid;
}

static void on_end(const char *what, void *userdata)
{
	struct bench *b = userdata;

	b->ends++;
	snprintf(b->ended, sizeof(b->ended), "%s", what);
}

static const struct keeper_ops ops = { .on_start = on_start, .on_end = on_end };

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	sd_event_new(&b->event);
	b->fd = b->listen_fd = -1;
	snprintf(b->dir, sizeof(b->dir), "/tmp/test-keeper-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->program, sizeof(b->program), "%s/supervisor", b->dir);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	keeper_free(b->keeper);
	fd_close(b->fd);
	fd_close(b->listen_fd);
	sd_event_unref(b->event);
	file_remove_tree(AT_FDCWD, b->dir, NULL);
	free(b);
	return 0;
}

/* A supervisor that is a shell script. */
static void keep(struct bench *b, const char *script)
{
	const struct keeper_config config = {
		.path = b->program, .root_dir = b->dir, .listen_fd = b->listen_fd,
	};
	auto_free char *text = xasprintf("#!/bin/sh\n%s\n", script);
	struct error e;

	assert_int_equal(file_write_atomic(AT_FDCWD, b->program, text,
					   strlen(text), 0755, &e), 0);
	b->keeper = keeper_new(b->event, &config, &ops, b);
	keeper_start(b->keeper);
}

static void run_until(struct bench *b, const unsigned *counter, unsigned n)
{
	while (*counter < n)
		assert_true(sd_event_run(b->event, STEP_TIMEOUT_USEC) > 0);
}

static void the_first_restart_comes_at_once_then_pauses_grow_to_5_s(void **state)
{
	assert_int_equal(keeper_pause_usec(0), 0);
	assert_int_equal(keeper_pause_usec(1), 0);
	assert_int_equal(keeper_pause_usec(2), 100000);
	assert_int_equal(keeper_pause_usec(3), 200000);
	assert_int_equal(keeper_pause_usec(7), 3200000);
	assert_int_equal(keeper_pause_usec(8), 5000000);
	assert_int_equal(keeper_pause_usec(4000000000U), 5000000);
}

static void the_supervisor_gets_its_socket_and_root(void **state)
{
	struct bench *b = *state;
	char got[128];
	ssize_t n;

	keep(b, "printf '%s ' \"$@\" >&3; exec sleep 60");
	assert_int_equal(b->starts, 1);
	for (int i = 0; i < 6000; i++) {
		n = recv(b->fd, got, sizeof(got) - 1, 0);
		if (n > 0)
			break;
		usleep(10000);
	}
	assert_true(n > 0);
	got[n] = '\0';
	assert_non_null(strstr(got, "--root"));
}

/* What the script says of its descriptor 4. */
static void says_of_descriptor_4(struct bench *b, char got[16])
{
	ssize_t n = 0;

	keep(b, "[ -S /proc/self/fd/4 ] && echo socket >&3 || echo none >&3; exec sleep 60");
	for (int i = 0; n <= 0 && i < 6000; i++) {
		n = recv(b->fd, got, 15, 0);
		if (n <= 0)
			usleep(10000);
	}
	assert_true(n > 0);
	got[n] = '\0';
}

static void the_supervisor_gets_the_socket_that_systemd_listens_on(void **state)
{
	struct bench *b = *state;
	char got[16];

	b->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	says_of_descriptor_4(b, got);
	assert_string_equal(got, "socket\n");
	assert_int_equal(fcntl(b->listen_fd, F_GETFD), FD_CLOEXEC);
}

static void without_one_it_gets_nothing(void **state)
{
	char got[16];

	says_of_descriptor_4(*state, got);
	assert_string_equal(got, "none\n");
}

static void one_that_is_killed_is_started_again(void **state)
{
	struct bench *b = *state;
	pid_t first;

	keep(b, "exec sleep 60");
	first = b->pid;
	keeper_kill(b->keeper);
	run_until(b, &b->starts, 2);
	assert_int_equal(b->ends, 1);
	assert_string_equal(b->ended, "the supervisor ended by signal 9, "
			    "starting it again in 0.0 s");
	assert_int_not_equal(b->pid, first);
	assert_int_equal(kill(first, 0), -1);	/* reaped */
}

static void one_that_fails_is_started_for_ever_with_pauses(void **state)
{
	struct bench *b = *state;
	uint64_t begin = clock_mono_usec();

	keep(b, "exit 3");
	run_until(b, &b->starts, 4);
	/* 0 + 100 + 200 ms */
	assert_true(clock_mono_usec() - begin >= 300000);
	assert_non_null(strstr(b->ended, "ended with status 3"));
}

static void a_program_that_is_missing_is_told_and_tried_again(void **state)
{
	struct bench *b = *state;
	const struct keeper_config config = {
		.path = "/nonexistent/supervisor", .root_dir = "", .listen_fd = -1,
	};

	b->keeper = keeper_new(b->event, &config, &ops, b);
	keeper_start(b->keeper);
	assert_int_equal(b->ends, 1);
	assert_non_null(strstr(b->ended, "No such file"));
	run_until(b, &b->ends, 3);
	assert_int_equal(b->starts, 0);
}

static void a_stopped_one_ends_by_sigterm_and_stays_away(void **state)
{
	struct bench *b = *state;
	uint64_t begin = clock_mono_usec();

	keep(b, "exec sleep 60");
	keeper_stop(b->keeper);
	assert_true(clock_mono_usec() - begin < 4 * USEC_PER_SEC);
	assert_int_equal(kill(b->pid, 0), -1);
	assert_int_equal(sd_event_run(b->event, 300000), 0);
	assert_int_equal(b->starts, 1);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_first_restart_comes_at_once_then_pauses_grow_to_5_s),
		T(the_supervisor_gets_its_socket_and_root),
		T(the_supervisor_gets_the_socket_that_systemd_listens_on),
		T(without_one_it_gets_nothing),
		T(one_that_is_killed_is_started_again),
		T(one_that_fails_is_started_for_ever_with_pauses),
		T(a_program_that_is_missing_is_told_and_tried_again),
		T(a_stopped_one_ends_by_sigterm_and_stays_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
