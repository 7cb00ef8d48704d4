/*
 * sandbox.c - the parent of the child, and its pipe.
 */
#include "base/clock.h"
#include "base/error.h"
#include "slugstore/unpack/sandbox_message.h"
#include "slugstore/unpack/sandbox_walls.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define SANDBOX_PROGRESS_USEC (20 * USEC_PER_MSEC)
#define SANDBOX_PROGRESS_PARTS 16
#define SANDBOX_LAST_MSEC 1000	/* from its last descriptor to its end */

/* ---- the child ---- */

struct sandbox_inside {
	int report_fd;
	uint64_t next_usec, next_done;	/* the next progress */
};

static void sandbox_send(int fd, const struct sandbox_message *m)
{
	ssize_t n;

	do
		n = write(fd, m, sizeof(*m));
	while (n < 0 && errno == EINTR);
}

void sandbox_progress(uint64_t done, uint64_t total, void *userdata)
{
	struct sandbox_inside *in = userdata;
	struct sandbox_message m = {
		.kind = SANDBOX_PROGRESS, .done = done, .total = total,
	};
	uint64_t now = clock_mono_usec();

	if (now < in->next_usec && done < in->next_done)
		return;
	in->next_usec = now + SANDBOX_PROGRESS_USEC;
	in->next_done = done + total / SANDBOX_PROGRESS_PARTS;
	sandbox_send(in->report_fd, &m);
}

static _Noreturn void sandbox_child(const struct sandbox_spec *spec,
				    int report_fd, pid_t parent)
{
	struct sandbox_inside in = { .report_fd = report_fd };
	struct sandbox_message m = { .kind = SANDBOX_RESULT };
	struct error e = { 0 };
	int r = sandbox_walls_build(spec, report_fd, parent, &e);

	if (r >= 0)
		r = spec->run(&in, spec->userdata, m.body, &e);
	if (r < 0) {
		m.kind = SANDBOX_ERROR;
		m.code = e.code;
		memcpy(m.body, e.msg, sizeof(e.msg));
	}
	sandbox_send(report_fd, &m);
	_exit(EXIT_SUCCESS);
}

/* ---- the parent ---- */

struct sandbox {
	const struct sandbox_spec *spec;
	pid_t pid;			/* 0: none */
	int pid_fd, report_fd;
	uint64_t deadline;
	bool is_busy;			/* meanwhile() wants to be called */
	struct sandbox_message m;
	size_t have;			/* bytes of it */
};

static int sandbox_wait(struct sandbox *s, siginfo_t *ret)
{
	int r;

	do
		r = waitid(P_PID, (id_t)s->pid, ret, WEXITED);
	while (r < 0 && errno == EINTR);
	s->pid = 0;
	return r;
}

static void sandbox_deinit(struct sandbox *s)
{
	siginfo_t si;

	if (s->pid > 0) {
		/* Not reaped yet, so this is nobody else. */
		if (s->pid_fd < 0 ||
		    syscall(SYS_pidfd_send_signal, s->pid_fd, SIGKILL, NULL, 0) < 0)
			kill(s->pid, SIGKILL);
		sandbox_wait(s, &si);
	}
	fd_close(s->pid_fd);
	fd_close(s->report_fd);
}

static int sandbox_start(struct sandbox *s, struct error *e)
{
	pid_t parent = getpid();
	auto_close int write_fd = -1;
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return error_sys(e, "create a pipe");
	s->report_fd = p[0];
	write_fd = p[1];
	/* What is buffered must not be written twice. */
	fflush(NULL);
	s->pid = fork();
	if (s->pid == 0)
		sandbox_child(s->spec, write_fd, parent);
	if (s->pid < 0)
		return error_sys(e, "start a sandbox");
	s->pid_fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	if (s->pid_fd < 0)
		return error_sys(e, "start a sandbox");
	return 0;
}

/* It has gone without a last word. */
static int sandbox_died(struct sandbox *s, struct error *e)
{
	struct pollfd p = { .fd = s->pid_fd, .events = POLLIN };
	siginfo_t si = { 0 };
	const char *name;

	/* Or has it only closed its end of the pipe? */
	if (poll(&p, 1, SANDBOX_LAST_MSEC) == 0)
		return error_set(e, EPROTO, "what ran in the sandbox went"
				 " silent");
	if (sandbox_wait(s, &si) < 0)
		return error_sys(e, "wait for the sandbox");
	if (si.si_code == CLD_EXITED)
		return error_set(e, EPROTO, "what ran in the sandbox ended"
				 " without a word (status %d)", si.si_status);
	name = sigabbrev_np(si.si_status);
	return error_set(e, EPROTO, "what ran in the sandbox died of SIG%s: it"
			 " was killed, or crashed, or had too little memory",
			 name ? name : "?");
}

/* 1: go on; 0: that was the result. */
static int sandbox_take(struct sandbox *s, struct error *e)
{
	const struct sandbox_spec *spec = s->spec;

	if (!sandbox_message_check(&s->m))
		return error_set(e, EPROTO, "what ran in the sandbox spoke"
				 " nonsense");
	switch ((enum sandbox_kind)s->m.kind) {
	case SANDBOX_PROGRESS:
		if (spec->on_progress)
			spec->on_progress(s->m.done, s->m.total,
					  spec->on_progress_userdata);
		return 1;
	case SANDBOX_ERROR:
		return error_set(e, s->m.code, "%s", s->m.body);
	case SANDBOX_RESULT:
		break;
	}
	return 0;
}

/* 1: go on; 0: that was the result. */
static int sandbox_read(struct sandbox *s, struct error *e)
{
	ssize_t n = read(s->report_fd, (char *)&s->m + s->have,
			 sizeof(s->m) - s->have);

	if (n < 0)
		return errno == EINTR ? 1 : error_sys(e, "read from the sandbox");
	if (n == 0)
		return sandbox_died(s, e);
	s->have += (size_t)n;
	if (s->have < sizeof(s->m))
		return 1;
	s->have = 0;
	return sandbox_take(s, e);
}

/* 1: go on; 0: that was the result. */
static int sandbox_step(struct sandbox *s, struct error *e)
{
	struct pollfd p = { .fd = s->report_fd, .events = POLLIN };
	uint64_t now = clock_mono_usec();
	uint64_t left = now < s->deadline ? s->deadline - now : 0;
	int ready;

	if (left == 0)
		return error_set(e, ETIME, "takes longer than %" PRIu64
				 " seconds", s->spec->seconds);
	left = left / USEC_PER_MSEC + 1;
	ready = poll(&p, 1, s->is_busy ? 0 : left > INT_MAX ? INT_MAX : (int)left);
	if (ready < 0 && errno != EINTR)
		return error_sys(e, "wait for the sandbox");
	if (ready > 0)
		return sandbox_read(s, e);
	if (s->is_busy) {
		int r = s->spec->meanwhile(s->spec->userdata, e);

		if (r < 0)
			return r;
		s->is_busy = r > 0;
	}
	return 1;
}

/* The result is there, and the work beside it is not. */
static int sandbox_finish(struct sandbox *s, struct error *e)
{
	int r = s->is_busy;

	while (r > 0)
		r = s->spec->meanwhile(s->spec->userdata, e);
	return r;
}

int sandbox_run(const struct sandbox_spec *spec, void *ret_result,
		struct error *e)
{
	auto_(sandbox_deinit) struct sandbox s = {
		.spec = spec, .pid_fd = -1, .report_fd = -1,
		.deadline = clock_mono_usec() + spec->seconds * USEC_PER_SEC,
		.is_busy = spec->meanwhile,
	};
	int r;

	assert(spec->result_n <= SANDBOX_RESULT_MAX);
	assert(spec->n_fds <= SANDBOX_FDS_MAX);
	r = sandbox_start(&s, e);
	if (r < 0)
		return r;
	while ((r = sandbox_step(&s, e)) > 0)
		;
	if (r >= 0)
		r = sandbox_finish(&s, e);
	if (r >= 0)
		memcpy(ret_result, s.m.body, spec->result_n);
	return r;
}
