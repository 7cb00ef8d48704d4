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

/* Not CLONE_NEWCGROUP: see the head of child.c. */
#define SPAWN_NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | \
	CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWUSER)

static const char *const stage_text[] = {
#define X(name, text) [CHILD_##name] = text,
	CHILD_STAGES(X)
#undef X
};

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
static long spawn_owned(struct clone_args *args, const struct plan *plan)
{
	long pid = -1;
	int err;

	if (!(args->flags & CLONE_NEWUSER))
		return syscall(SYS_clone3, args, sizeof(*args));
	if (syscall(SYS_setresuid, -1, plan->outside.root, -1) < 0)
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

/* The child inherits a mask that blocks everything: no handler of ours runs
 * there, and dyno-init begins with all signals held. */
static long spawn_clone3(struct clone_args *args, const struct plan *plan,
			 const struct child_fds *fds)
{
	bool helper = !(args->flags & CLONE_NEWUSER);
	sigset_t all, old;
	long pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = spawn_owned(args, plan);
	if (pid == 0 && helper)
		child_build(plan, fds);
	if (pid == 0)
		child_main(plan, fds);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

static int spawn_begin(struct spawn *ret, uint64_t namespaces,
		       const struct plan *plan, struct child_fds *fds,
		       struct error *e)
{
	auto_close int go_r = -1, rep_w = -1;
	bool into = fds->cgroup->dir_fd >= 0;
	struct clone_args args = {
		.flags = namespaces | CLONE_PIDFD | CLONE_CLEAR_SIGHAND |
			(into ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)&ret->pid_fd,
		.exit_signal = SIGCHLD,
		.cgroup = into ? (uint64_t)fds->cgroup->dir_fd : 0,
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
	pid = spawn_clone3(&args, plan, fds);
	fds->go = fds->go_peer = fds->report = -1;
	if (pid < 0) {
		r = error_sys(e, "clone a process");
		spawn_abort(ret);
		return r;
	}
	ret->pid = (pid_t)pid;
	return 0;
}

int spawn_clone(struct spawn *ret, const struct plan *plan,
		struct child_fds *fds, struct error *e)
{
	int r = spawn_begin(ret, SPAWN_NAMESPACES, plan, fds, e);

	if (r < 0)
		return r;
	r = idmap_write(ret->pid, plan->uid_map, plan->gid_map, e);
	if (r < 0)
		spawn_abort(ret);
	return r;
}

int spawn_go(struct spawn *s, struct error *e)
{
	/* EPIPE: the child is dead, and its report says why. */
	if (write(s->go_fd, "", 1) != 1 && errno != EPIPE)
		return error_sys(e, "let the child go on");
	return 0;
}

/* The parent still has the plan: an index is enough to name the culprit. */
static int spawn_tell(const struct plan *plan, const struct child_report *rep,
		      struct error *e)
{
	auto_free char *what = NULL;

	if (rep->stage >= ARRAY_SIZE(stage_text) || rep->err <= 0)
		return error_set(e, EPROTO, "a report that makes no sense");
	if ((rep->stage == CHILD_ROOTFS || rep->stage == CHILD_LAYERS) &&
	    rep->op < plan->n_ops)
		what = plan_op_text(&plan->ops[rep->op]);
	else if (rep->stage == CHILD_NETWORK || rep->stage == CHILD_LIMITS)
		what = xasprintf("step %d", rep->op);
	return error_ret(e, -rep->err, "%s%s%s", stage_text[rep->stage],
			 what ? ": " : "", what ? what : "");
}

static int spawn_poll(struct spawn *s, struct error *e)
{
	uint64_t end = clock_mono_usec() + SPAWN_DEADLINE_MSEC * USEC_PER_MSEC;

	for (;;) {
		struct pollfd p = { .fd = s->report_fd, .events = POLLIN };
		uint64_t now = clock_mono_usec();
		int n;

		if (now >= end)
			return error_set(e, ETIMEDOUT, "not ready after %d s",
					 SPAWN_DEADLINE_MSEC / 1000);
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
static int spawn_read(struct spawn *s, struct child_report *ret, struct error *e)
{
	int r = spawn_poll(s, e);
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

int spawn_layers(const struct plan *plan, struct child_fds *fds,
		 struct error *e)
{
	struct child_report rep;
	struct spawn s;
	int r = spawn_begin(&s, CLONE_NEWNS, plan, fds, e);

	if (r < 0)
		return r;
	r = spawn_read(&s, &rep, e);
	if (r == 0)
		r = error_set(e, EPROTO, "died while it built the layers");
	else if (r == 1 && (rep.err != 0 || rep.stage != CHILD_LAYERS))
		r = spawn_tell(plan, &rep, e);
	else if (r == 1)
		r = spawn_take(&s, rep.op, &fds->stage, e);
	spawn_abort(&s);
	return r;
}

int spawn_wait(struct spawn *s, const struct plan *plan, int *ret_master,
	       struct error *e)
{
	struct child_report rep;
	int r = spawn_read(s, &rep, e);

	if (r == 1 && plan->tty && rep.err == 0 && rep.stage == CHILD_STDIO) {
		r = spawn_take(s, rep.op, ret_master, e);
		if (r == 0)
			r = spawn_read(s, &rep, e);
	}
	if (r == 1)
		return spawn_tell(plan, &rep, e);
	if (r == 0)
		r = spawn_alive(s, e);
	if (r < 0)
		return r;
	s->go_fd = fd_close(s->go_fd);
	s->report_fd = fd_close(s->report_fd);
	return 0;
}

void spawn_abort(struct spawn *s)
{
	siginfo_t si;

	if (s->pid_fd >= 0) {
		syscall(SYS_pidfd_send_signal, s->pid_fd, SIGKILL, NULL, 0);
		while (waitid((idtype_t)P_PIDFD, (id_t)s->pid_fd, &si,
			      WEXITED) < 0 && errno == EINTR)
			;
	}
	s->pid_fd = fd_close(s->pid_fd);
	s->go_fd = fd_close(s->go_fd);
	s->report_fd = fd_close(s->report_fd);
	s->pid = 0;
}
