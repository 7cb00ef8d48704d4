#include "base/error.h"
#include "base/clock.h"
#include "runtime/idmap.h"
#include "runtime/spawn.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifdef PTHREAD_CANCELED
#error "keep pthreads out of the process that clones"
#endif

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define SPAWN_LISTENER_TRIES 2000
#define SPAWN_DEATH_MSEC 50		/* of a child that nothing holds */

static int spawn_pipe(int *ret_read, int *ret_write, struct error *e)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return error_sys(e, "create a pipe");
	*ret_read = p[0];
	*ret_write = p[1];
	return 0;
}

/* A change of the effective id drops the effective capabilities; take them up
 * again. */
static int spawn_raise(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, caps) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		caps[i].effective = caps[i].permitted;
	return (int)syscall(SYS_capset, &head, caps);
}

/*
 * The kernel counts inotify instances, pending signals and bytes of message
 * queues of a user namespace also for whoever made it. Were that root, a single
 * dyno could use up what all dynos, and the host's own daemons, have together.
 */
static long spawn_owned(const struct clone_args *args, const struct plan *plan)
{
	long pid = -1;
	int err;

	if (!(args->flags & CLONE_NEWUSER) || plan->owner == 0)
		return syscall(SYS_clone3, args, sizeof(*args));
	if (syscall(SYS_setresuid, -1, plan->owner, -1) < 0)
		return -1;
	if (spawn_raise() == 0)
		pid = syscall(SYS_clone3, args, sizeof(*args));
	if (pid == 0)
		return 0;
	err = errno;
	if (syscall(SYS_setresuid, -1, 0, -1) < 0)
		abort();	/* the real id is 0: it cannot be refused */
	errno = err;
	return pid;
}

enum spawn_role { SPAWN_CHILD, SPAWN_LAYERS, SPAWN_JOIN };

/* The child inherits a mask that blocks everything: no handler of ours runs
 * there, and dyno-init begins with all signals held. */
static long spawn_clone3(struct clone_args *args, enum spawn_role role,
			 const struct plan *plan, const struct child_fds *fds,
			 const struct clone_args *next)
{
	sigset_t all, old;
	long pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = spawn_owned(args, plan);
	if (pid == 0 && role == SPAWN_JOIN)
		child_join(plan, fds, next);
	if (pid == 0 && role == SPAWN_LAYERS)
		child_build(plan, fds);
	if (pid == 0)
		child_main(plan, fds);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

static int spawn_begin(struct spawn *ret, enum spawn_role role,
		       const struct plan *plan, struct child_fds *fds,
		       struct error *e)
{
	static const uint64_t of_role[] = {
		[SPAWN_LAYERS] = CLONE_NEWNS, [SPAWN_JOIN] = 0,
	};
	auto_close int go_r = -1, rep_w = -1;
	bool child = role == SPAWN_CHILD;
	bool into = child && plan->cgroup_fd >= 0;
	struct clone_args args = {
		.flags = (child ? plan->namespaces : of_role[role]) | CLONE_PIDFD |
			CLONE_CLEAR_SIGHAND | (into ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)&ret->pid_fd,
		.exit_signal = SIGCHLD,
		.cgroup = into ? (uint64_t)plan->cgroup_fd : 0,
	};
	/* What a joining helper makes is a child of ours. */
	struct clone_args next = {
		.flags = plan->namespaces | CLONE_CLEAR_SIGHAND | CLONE_PARENT,
	};
	long pid;
	int r;

	*ret = SPAWN_INIT;
	r = spawn_pipe(&go_r, &ret->go_fd, e);
	if (r == 0)
		r = spawn_pipe(&ret->report_fd, &rep_w, e);
	if (r < 0) {
		spawn_abort(ret);
		return r;
	}
	fds->go = go_r;
	fds->go_peer = ret->go_fd;
	fds->report = rep_w;
	pid = spawn_clone3(&args, role, plan, fds, &next);
	fds->go = fds->go_peer = fds->report = -1;
	if (pid < 0) {
		r = error_sys(e, "clone a process");
		spawn_abort(ret);
		return r;
	}
	ret->pid = (pid_t)pid;
	return 0;
}

int spawn_go(struct spawn *s, struct error *e)
{
	/* EPIPE: the child is dead, and its report says why. */
	if (write(s->go_fd, "", 1) != 1 && errno != EPIPE)
		return error_sys(e, "let the child go on");
	return 0;
}

int spawn_tell_hook(const char *path, int status, struct error *e)
{
	const char *name = status < 0 ? strsignal(-status) : "";

	if (status >= 0)
		return error_set(e, EIO, "error running hook %s: exit status %d", path,
				 status);
	return error_set(e, EIO, "error running hook %s: signal %d: %c%s", path, -status,
			 name[0] | 0x20, name + 1);
}

/* The parent still has the plan: an index is enough to name the culprit. */
static int spawn_tell(const struct plan *plan, const struct child_report *rep,
		      struct error *e)
{
	auto_free char *what = NULL;

	if (rep->stage >= PLAN_STAGE_COUNT || rep->err <= 0)
		return error_set(e, EPROTO, "a report that makes no sense");
	if (rep->stage == PLAN_IN_HOOKS && rep->pid && rep->op < plan->n_ops)
		return spawn_tell_hook(plan->ops[rep->op].from, rep->pid, e);
	if (rep->op < plan->n_ops)
		what = plan_op_text(&plan->ops[rep->op]);
	return error_ret(e, -rep->err, "%s%s%s", plan_stage_texts[rep->stage],
			 what ? ": " : "", what ? what : "");
}

static int spawn_poll(struct spawn *s, const struct plan *plan, struct error *e)
{
	unsigned msec = SPAWN_DEADLINE_MSEC + plan->hooks_msec;
	uint64_t end = clock_mono_usec() + msec * USEC_PER_MSEC;

	for (;;) {
		struct pollfd p = { .fd = s->report_fd, .events = POLLIN };
		uint64_t now = clock_mono_usec();
		int n;

		if (now >= end)
			return error_set(e, ETIMEDOUT, "not ready after %u s",
					 msec / 1000);
		n = poll(&p, 1, (int)((end - now) / USEC_PER_MSEC) + 1);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return error_sys(e, "wait for the child");
	}
}

/* End of file without a report: executed, or killed from outside. */
static int spawn_alive(struct spawn *s, struct error *e)
{
	siginfo_t si = { .si_pid = 0 };

	if (waitid((idtype_t)P_PIDFD, (id_t)s->pid_fd, &si,
		   WEXITED | WNOHANG | WNOWAIT) < 0)
		return error_sys(e, "look after the child");
	if (si.si_pid && si.si_code == CLD_EXITED &&
	    si.si_status == CHILD_EXIT_SILENT)
		return error_set(e, EPROTO, "died during setup");
	return 0;
}

/* 0: end of file; 1: a report. */
static int spawn_read(struct spawn *s, const struct plan *plan,
		      struct child_report *ret, struct error *e)
{
	int r = spawn_poll(s, plan, e);
	ssize_t n;

	if (r < 0)
		return r;
	do
		n = read(s->report_fd, ret, sizeof(*ret));
	while (n < 0 && errno == EINTR);
	if (n != 0 && n != sizeof(*ret))
		return error_set(e, EPROTO, "half a report");
	return n != 0;
}

bool spawn_has_report(const struct spawn *s)
{
	struct pollfd p = { .fd = s->report_fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

static int spawn_take(struct spawn *s, int number, int *ret_fd, struct error *e)
{
	int fd = (int)syscall(SYS_pidfd_getfd, s->pid_fd, number, 0);

	if (fd < 0)
		return error_sys(e, "take a descriptor of the child");
	*ret_fd = fd;
	return spawn_go(s, e);
}

/* The child has told the number before it loads the filter: from then on the
 * descriptor is there, or the child is dead. */
static int spawn_take_listener(struct spawn *s, int number, int *ret_fd,
			       struct error *e)
{
	struct pollfd p = { .fd = s->report_fd, .events = POLLIN };
	int fd;

	for (int i = 0; i < SPAWN_LISTENER_TRIES; i++) {
		fd = (int)syscall(SYS_pidfd_getfd, s->pid_fd, number, 0);
		if (fd >= 0) {
			*ret_fd = fd;
			return spawn_go(s, e);
		}
		if (errno != EBADF)
			break;
		if (poll(&p, 1, 1) > 0)
			return error_set(e, EPROTO, "the filter was not loaded");
	}
	return error_sys(e, "take the listener of the filter");
}

int spawn_layers(const struct plan *plan, struct child_fds *fds,
		 struct error *e)
{
	struct child_report rep;
	struct spawn s;
	int r = spawn_begin(&s, SPAWN_LAYERS, plan, fds, e);

	if (r < 0)
		return r;
	r = spawn_read(&s, plan, &rep, e);
	if (r == 0)
		r = error_set(e, EPROTO, "died while it built the layers");
	else if (r == 1 && (rep.err != 0 || rep.stage != PLAN_IN_LAYERS))
		r = spawn_tell(plan, &rep, e);
	else if (r == 1)
		r = spawn_take(&s, rep.op, &fds->stage, e);
	spawn_abort(&s);
	return r;
}

static void spawn_reap(int pid_fd)
{
	siginfo_t si;

	while (waitid((idtype_t)P_PIDFD, (id_t)pid_fd, &si, WEXITED) < 0 &&
	       errno == EINTR)
		;
}

/* The helper's pipes become the child's. */
static int spawn_join(struct spawn *ret, const struct plan *plan,
		      struct child_fds *fds, struct error *e)
{
	int r = spawn_begin(ret, SPAWN_JOIN, plan, fds, e), helper_fd;
	struct child_report rep;

	if (r < 0)
		return r;
	r = spawn_read(ret, plan, &rep, e);
	if (r == 0)
		r = error_set(e, EPROTO, "died while it entered namespaces");
	else if (r == 1)
		r = rep.pid > 0 ? 0 : spawn_tell(plan, &rep, e);
	if (r < 0) {
		spawn_abort(ret);
		return r;
	}
	helper_fd = take_fd(ret->pid_fd);
	ret->pid = rep.pid;
	ret->pid_fd = (int)syscall(SYS_pidfd_open, rep.pid, 0);
	if (ret->pid_fd < 0)
		r = error_sys(e, "open process %d", (int)rep.pid);
	spawn_reap(helper_fd);
	fd_close(helper_fd);
	if (r < 0)
		spawn_abort(ret);
	return r;
}

int spawn_clone(struct spawn *ret, const struct plan *plan,
		struct child_fds *fds, struct error *e)
{
	int r = plan_has_helper(plan) ? spawn_join(ret, plan, fds, e)
			      : spawn_begin(ret, SPAWN_CHILD, plan, fds, e);

	if (r < 0 || !plan->uid_map)
		return r;
	r = idmap_write(ret->pid, plan->uid_map, plan->gid_map, e);
	if (r < 0)
		spawn_abort(ret);
	return r;
}

int spawn_next(struct spawn *s, const struct plan *plan, int *ret_fd,
	       struct error *e)
{
	struct child_report rep;
	int r = spawn_read(s, plan, &rep, e);

	if (r == 0)
		r = spawn_alive(s, e);
	else if (r == 1 && rep.err == 0 && rep.stage == PLAN_IN_START)
		return SPAWN_WAITS;
	else if (r == 1 && rep.err == 0 && rep.stage == PLAN_IN_HOOKS)
		return SPAWN_CALLS;
	else if (r == 1 && rep.err == 0 && rep.stage == PLAN_IN_STDIO)
		return (r = spawn_take(s, rep.op, ret_fd, e)) < 0 ? r : SPAWN_TERMINAL;
	else if (r == 1 && rep.err == 0 && rep.stage == PLAN_IN_FILTER)
		return (r = spawn_take_listener(s, rep.op, ret_fd, e)) < 0
			? r : SPAWN_LISTENER;
	else if (r == 1)
		return spawn_tell(plan, &rep, e);
	if (r < 0)
		return r;
	s->go_fd = fd_close(s->go_fd);
	s->report_fd = fd_close(s->report_fd);
	return SPAWN_EXECUTED;
}

int spawn_wait(struct spawn *s, const struct plan *plan, int *ret_master,
	       struct error *e)
{
	int r;

	do
		r = spawn_next(s, plan, ret_master, e);
	while (r > SPAWN_EXECUTED);
	return r;
}

static void spawn_end(struct spawn *s, int msec)
{
	struct pollfd p = { .fd = s->pid_fd, .events = POLLIN };

	if (s->pid_fd >= 0) {
		syscall(SYS_pidfd_send_signal, s->pid_fd, SIGKILL, NULL, 0);
		if (poll(&p, 1, msec) != 0)
			spawn_reap(s->pid_fd);
	}
	s->pid_fd = fd_close(s->pid_fd);
	s->go_fd = fd_close(s->go_fd);
	s->report_fd = fd_close(s->report_fd);
	s->pid = 0;
}

void spawn_abort(struct spawn *s)
{
	spawn_end(s, -1);
}

void spawn_abandon(struct spawn *s)
{
	spawn_end(s, SPAWN_DEATH_MSEC);
}
