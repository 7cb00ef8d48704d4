/*
 * dyno.c - a running dyno: signals to it, and how it ended.
 */
#include "base/buf.h"
#include "base/error.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/init.h"
#include "runtime/instance.h"
#include "runtime/plan.h"
#include "runtime/record.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

struct dyno *dyno_new(const char *uuid, enum dyno_stdio stdio)
{
	struct dyno *d = xcalloc(1, sizeof(*d));

	d->uuid = xstrdup(uuid);
	d->stdio = stdio;
	d->pidfd = d->memory_fd = -1;
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		d->fds[i] = -1;
	return d;
}

static const char *const dyno_trace_names[DYNO_TRACE_COUNT] = {
#define X(name, word) [DYNO_TRACE_##name] = word,
	DYNO_TRACE_STEPS(X)
#undef X
#define X(name, word, text) [DYNO_TRACE_CHILD + PLAN_IN_##name] = "child " word,
	PLAN_STAGES(X)
#undef X
};

_Static_assert(PLAN_STAGE_COUNT == DYNO_TRACE_CHILD_STAGES, "runtime.h says so");

char *dyno_trace_text(const struct dyno *d)
{
	auto_buf text = BUF_INIT;

	for (size_t i = 0; i < DYNO_TRACE_COUNT; i++)
		if (d->trace[i])
			buf_addf(&text, "%s %" PRIu32 "\n", dyno_trace_names[i],
				 d->trace[i]);
	return xstrdup(buf_str(&text));
}

struct dyno *dyno_free(struct dyno *d)
{
	if (!d)
		return NULL;
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		fd_close(d->fds[i]);
	fd_close(d->pidfd);
	dyno_unwatch(d);
	free(d->uuid);
	free(d);
	return NULL;
}

static int dyno_send(struct dyno *d, int sig, struct error *e)
{
	if (d->pidfd < 0)
		return 0;
	if (syscall(SYS_pidfd_send_signal, d->pidfd, sig, NULL, 0) < 0 &&
	    errno != ESRCH)
		return error_sys(e, "send signal %d to dyno %s", sig, d->uuid);
	return 0;
}

int dyno_signal(struct dyno *d, int sig, struct error *e)
{
	/* These stop or end PID 1 itself, or mean something to it alone. */
	if (sig <= 0 || sig >= NSIG || sig == SIGKILL || sig == SIGSTOP ||
	    sig == SIGCHLD)
		return error_set(e, EINVAL, "signal %d cannot be passed on", sig);
	return dyno_send(d, sig, e);
}

int dyno_kill(struct runtime *rt, struct dyno *d, struct error *e)
{
	int r = dyno_send(d, SIGKILL, e), r2;

	/* The kernel kills the rest of the namespace with PID 1; the cgroup is
	 * for what is still on its way there. */
	r2 = cgroup_kill(rt->cgroups, d->uuid, r < 0 ? NULL : e);
	return r < 0 ? r : r2;
}

/* Our own child is reaped here; an adopted one is somebody else's. */
static int dyno_reap(struct dyno *d, int *ret_signal, struct error *e)
{
	struct pollfd p = { .fd = d->pidfd, .events = POLLIN };
	siginfo_t si = { .si_pid = 0 };

	*ret_signal = SIGKILL;
	if (d->pidfd < 0)
		return 0;
	if (poll(&p, 1, 0) <= 0)
		return error_set(e, EAGAIN, "dyno %s has not ended", d->uuid);
	if (waitid((idtype_t)P_PIDFD, (id_t)d->pidfd, &si, WEXITED | WNOHANG) < 0 &&
	    errno != ECHILD)
		return error_sys(e, "wait for dyno %s", d->uuid);
	if (si.si_pid && si.si_code != CLD_EXITED)
		*ret_signal = si.si_status;
	return 0;
}

int dyno_exit(struct runtime *rt, struct dyno *d, struct dyno_exit *ret,
	      struct error *e)
{
	struct cgroup_stats stats = { .oom_kills = 0 };
	struct init_exit x = { .magic = 0 };
	struct dyno_exit out;
	int sig, r = dyno_reap(d, &sig, e);

	if (r < 0)
		return r;
	r = record_exit(rt->dynos_fd, d->uuid, &x, e);
	if (r < 0)
		return r;
	if (r == RECORD_NO_EXIT) {	/* PID 1 itself was killed */
		x.signal = sig;
		x.status = 128 + sig;
	}
	/* After a reboot the group is gone, and its numbers with it. */
	if (cgroup_stats(rt->cgroups, d->uuid, &stats, NULL) < 0)
		stats = (struct cgroup_stats){ .memory_stall_usec = DYNO_STALL_UNKNOWN };
	out = (struct dyno_exit){
		.status = x.status, .signal = x.signal,
		.oom_kills = stats.oom_kills,
		.memory_peak = stats.memory_peak, .cpu_usec = stats.cpu_usec,
		.memory_stall_usec = stats.memory_stall_usec,
	};
	*ret = out;
	return 0;
}
