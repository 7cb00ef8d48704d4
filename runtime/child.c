/*
 * child.c - from clone3() to execve(), on the far side: a plan's operations, one
 * after another.
 *
 * Where a dyno stands when it begins (an OCI container may share some):
 *   user     its own, all capabilities in it, ids not mapped until "go"
 *   mount    its own, a copy of the host's table, until PIVOT
 *   pid      its own, this is PID 1
 *   network  its own, empty; the parent moves eth0 in before the second "go"
 *   ipc, uts its own, empty
 *   cgroup   the host's; left by UNSHARE as soon as it has its cgroups, since
 *            the namespace's root is where the process stands at that moment
 */
#include "runtime/child_op.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

static _Noreturn void child_exit(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
}

int child_close(int fd, int r)
{
	int saved = errno;

	syscall(SYS_close, fd);
	errno = saved;
	return r;
}

static int child_report(const struct child *c, const struct child_report *rep)
{
	return syscall(SYS_write, c->fds.report, rep, sizeof(*rep)) == sizeof(*rep)
		? 0 : -1;
}

int child_tell(const struct child *c, int err, enum plan_stage stage, size_t op)
{
	struct child_report rep = {
		.err = err, .stage = (uint16_t)stage, .op = (uint16_t)op,
	};

	return child_report(c, &rep);
}

static _Noreturn void child_fail(const struct child *c, enum plan_stage stage,
				 size_t op)
{
	struct child_report rep = {
		.err = errno, .stage = (uint16_t)stage, .op = (uint16_t)op,
		.pid = c->hook_status,
	};
	int r = child_report(c, &rep);

	child_exit(r == 0 ? CHILD_EXIT_REPORTED : CHILD_EXIT_SILENT);
}

/* One byte per step of the parent; end of file = the parent is gone. */
int child_wait(const struct child *c)
{
	char go;
	long n = syscall(SYS_read, c->fds.go, &go, 1);

	if (n == 0)
		errno = ECANCELED;
	return n == 1 ? 0 : -1;
}

/* CLONE_CLEAR_SIGHAND leaves those ignored that our caller ignores: a program is
 * not to find out who ran dynorun, nor to live on without SIGPIPE. */
static void child_reset_signals(void)
{
	/* The kernel's struct sigaction, all zero: SIG_DFL, no flags, no mask. */
	static const uint64_t standard[4] = { 0 };

	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, standard, NULL, sizeof(uint64_t));
}

int child_unblock_signals(void)
{
	uint64_t none = 0;

	return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL,
			    sizeof(none));
}

static int child_do_await(struct child *c, const struct plan_op *op)
{
	(void)op;
	return child_wait(c);
}

static int child_do_call(struct child *c, const struct plan_op *op)
{
	(void)op;
	return child_tell(c, 0, PLAN_IN_HOOKS, 0) < 0 ? -1 : child_wait(c);
}

/* From here on, who connects to the socket is who wants to know. */
static int child_do_start(struct child *c, const struct plan_op *op)
{
	int fd;

	(void)op;
	if (c->plan->reset_signals && child_unblock_signals() < 0)
		return -1;
	if (child_tell(c, 0, PLAN_IN_START, 0) < 0)
		return -1;
	syscall(SYS_close, c->fds.report);
	fd = (int)syscall(SYS_accept4, c->fds.start, NULL, NULL, SOCK_CLOEXEC);
	c->fds.report = fd;
	return fd < 0 ? -1 : child_close(c->fds.start, 0);
}

static bool child_is_program(const char *path)
{
	struct statx st;

	if (syscall(SYS_faccessat, AT_FDCWD, path, X_OK) < 0 ||
	    syscall(SYS_statx, AT_FDCWD, path, 0, STATX_TYPE, &st) < 0)
		return false;
	if (S_ISREG(st.stx_mode))
		return true;
	errno = EACCES;
	return false;
}

static int child_do_lookup(struct child *c, const struct plan_op *op)
{
	int err = ENOENT;

	for (size_t i = 0; op->argv[i]; i++) {
		if (child_is_program(op->argv[i])) {
			c->chosen = i;
			return 0;
		}
		if (errno != ENOENT && errno != ENOTDIR)
			err = errno;
	}
	errno = err;
	return -1;
}

static int child_do_exec_fd(struct child *c, const struct plan_op *op)
{
	syscall(SYS_execveat, c->fds.exec, "", op->argv, op->envp, AT_EMPTY_PATH);
	return -1;
}

static int child_do_exec(struct child *c, const struct plan_op *op)
{
	const struct plan_op *lookup = op;

	while (lookup > c->plan->ops && lookup->kind != PLAN_LOOKUP)
		lookup--;
	if (c->plan->reset_signals && child_unblock_signals() < 0)
		return -1;
	syscall(SYS_execve, lookup->argv[c->chosen], op->argv, op->envp);
	return -1;
}

static const child_fn child_fns[PLAN_KIND_COUNT] = {
	[PLAN_CGROUP] = child_do_cgroup,	[PLAN_UNSHARE] = child_do_unshare,
	[PLAN_AWAIT] = child_do_await,		[PLAN_IDENTITY] = child_do_identity,
	[PLAN_SESSION] = child_do_session,	[PLAN_KEYRING] = child_do_keyring,
	[PLAN_HOSTNAME] = child_do_hostname,	[PLAN_DOMAINNAME] = child_do_domainname,
	[PLAN_STAGE] = child_do_stage,		[PLAN_ROOT] = child_do_root,
	[PLAN_DIR] = child_do_dir,		[PLAN_FILE] = child_do_file,
	[PLAN_LINK] = child_do_link,		[PLAN_NODE] = child_do_node,
	[PLAN_TREE] = child_do_tree,		[PLAN_MOUNT] = child_do_mount,
	[PLAN_BIND] = child_do_bind,		[PLAN_DEVICE] = child_do_device,
	[PLAN_MASK] = child_do_mask,		[PLAN_READONLY] = child_do_readonly,
	[PLAN_ATTR] = child_do_attr,		[PLAN_CONSOLE] = child_do_console,
	[PLAN_WRITE] = child_do_write,		[PLAN_HOOK] = child_do_hook,
	[PLAN_CALL] = child_do_call,
	[PLAN_HIDE] = child_do_hide,		[PLAN_MOVE] = child_do_move,
	[PLAN_PIVOT] = child_do_pivot,		[PLAN_CHROOT] = child_do_chroot,
	[PLAN_NETLINK] = child_do_netlink,	[PLAN_RLIMIT] = child_do_rlimit,
	[PLAN_AFFINITY] = child_do_affinity,	[PLAN_SCHEDULER] = child_do_scheduler,
	[PLAN_IO_PRIORITY] = child_do_io_priority,
	[PLAN_MEMORY_POLICY] = child_do_memory_policy,
	[PLAN_PERSONALITY] = child_do_personality,
	[PLAN_UMASK] = child_do_umask,		[PLAN_TERMINAL] = child_do_terminal,
	[PLAN_STDIO] = child_do_stdio,		[PLAN_OWN_STDIO] = child_do_own_stdio,
	[PLAN_LOOKUP] = child_do_lookup,	[PLAN_START] = child_do_start,
	[PLAN_BOUNDING] = child_do_bounding,	[PLAN_SECUREBITS] = child_do_securebits,
	[PLAN_GROUPS] = child_do_groups,	[PLAN_USER] = child_do_user,
	[PLAN_CAPS] = child_do_caps,		[PLAN_NO_NEW_PRIVS] = child_do_no_new_privs,
	[PLAN_LANDLOCK] = child_do_landlock,
	[PLAN_FILTER] = child_do_filter,	[PLAN_CHDIR] = child_do_chdir,
	[PLAN_SURVIVE] = child_do_survive,	[PLAN_EXEC_FD] = child_do_exec_fd,
	[PLAN_EXEC] = child_do_exec,
};

/* ---- time ---- */

static uint64_t child_now(void)
{
	struct timespec ts = { 0, 0 };

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static void child_trace(struct child *c, uint8_t stage)
{
	uint64_t now;

	if (!c->fds.trace || stage == c->stage)
		return;
	now = child_now();
	if (c->since)
		c->fds.trace[c->stage] += now - c->since;
	c->since = now;
	c->stage = stage;
}

/* ---- the way through ---- */

static bool child_is_refusal(int err)
{
	return err == EPERM || err == EACCES || err == ENOSYS || err == EINVAL ||
		err == EOPNOTSUPP || err == EROFS || err == ENOENT;
}

static void child_run(struct child *c, size_t i)
{
	const struct plan_op *op = &c->plan->ops[i];
	int r;

	child_trace(c, op->stage);
	if (op->kind == PLAN_CGROUP && plan_has_helper(c->plan))
		return;		/* the helper was there, and this is its child */
	if (c->plan->fault == (int)i) {
		errno = EIO;
		child_fail(c, op->stage, i);
	}
	r = child_fns[op->kind](c, op);
	if (r < 0 && !(op->optional && child_is_refusal(errno)))
		child_fail(c, op->stage, i);
}

int child_confine(struct child *c, const struct plan_op *op)
{
	const struct plan_op *end = c->plan->ops + c->plan->n_ops;

	while (++op < end) {
		if (op->stage != PLAN_IN_PRIVILEGE && op->stage != PLAN_IN_FILTER)
			continue;
		if (child_fns[op->kind](c, op) < 0 &&
		    !(op->optional && child_is_refusal(errno)))
			return -1;
	}
	return 0;
}

static void child_begin(struct child *c, const struct plan *plan,
			const struct child_fds *fds)
{
	*c = (struct child){
		.plan = plan, .fds = *fds, .ids = &plan->inside, .terminal = -1,
		.stage = PLAN_STAGE_COUNT,
	};
	/* A dyno is complete, or it ends with the daemon that was making it. A
	 * change of ids, or SURVIVE, takes this away. */
	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	syscall(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
	syscall(SYS_close, fds->go_peer);
	syscall(SYS_umask, 0);
	if (plan->reset_signals)
		child_reset_signals();
}

_Noreturn void child_build(const struct plan *plan, const struct child_fds *fds)
{
	struct child c;
	int stage;

	child_begin(&c, plan, fds);
	c.ids = &plan->outside;
	for (size_t i = 0; i < plan->n_ops; i++)
		if (plan->ops[i].stage == PLAN_IN_LAYERS)
			child_run(&c, i);
	stage = (int)syscall(SYS_open_tree, AT_FDCWD, ".", AT_RECURSIVE |
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (stage < 0 || child_tell(&c, 0, PLAN_IN_LAYERS, (size_t)stage) < 0 ||
	    child_wait(&c) < 0)
		child_fail(&c, PLAN_IN_LAYERS, plan->n_ops);
	child_exit(0);
}

_Noreturn void child_main(const struct plan *plan, const struct child_fds *fds)
{
	struct child c;
	bool entered = false;

	child_begin(&c, plan, fds);
	for (size_t i = 0; i < plan->n_ops; i++) {
		if (!plan->by_host || plan->ops[i].stage != PLAN_IN_LAYERS) {
			child_run(&c, i);
			continue;
		}
		/* What the helper has made of them. */
		if (!entered && child_enter(c.fds.stage) < 0)
			child_fail(&c, PLAN_IN_LAYERS, plan->n_ops);
		entered = true;
	}
	errno = ENOEXEC;
	child_fail(&c, PLAN_IN_EXEC, plan->n_ops);
}

/* The offsets can be set until the first process enters, which is the child. */
static int child_new_time(const char *offsets)
{
	size_t n = 0;
	long fd;

	if (!offsets)
		return 0;
	if (syscall(SYS_unshare, CLONE_NEWTIME) < 0)
		return -1;
	while (offsets[n])
		n++;
	if (n == 0)
		return 0;
	fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/timens_offsets",
		     O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	return child_close((int)fd, syscall(SYS_write, fd, offsets, n) < 0 ? -1 : 0);
}

/* Those that the host owns come before the user namespace: after it there is no
 * right to enter them. */
static int child_enter_namespaces(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_joins; i++)
		if (syscall(SYS_setns, plan->joins[i].fd, plan->joins[i].type) < 0)
			return -1;
	return 0;
}

_Noreturn void child_join(const struct plan *plan, const struct child_fds *fds,
			  const struct clone_args *args)
{
	struct child_report rep = { .stage = PLAN_IN_WAIT };
	struct child c;
	bool user = false;
	long pid;

	child_begin(&c, plan, fds);
	for (size_t i = 0; i < plan->n_ops; i++)
		if (plan->ops[i].kind == PLAN_CGROUP &&
		    child_do_cgroup(&c, &plan->ops[i]) < 0)
			child_fail(&c, PLAN_IN_CGROUP, i);
	for (size_t i = 0; i < plan->n_joins; i++)
		user = user || plan->joins[i].type == CLONE_NEWUSER;
	/* Inside it setgroups() may be denied, and the host's groups would stay. */
	if (user && syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM)
		child_fail(&c, PLAN_IN_WAIT, plan->n_ops);
	if (child_new_time(plan->time_offsets) < 0 ||
	    child_enter_namespaces(plan) < 0)
		child_fail(&c, PLAN_IN_WAIT, plan->n_ops);
	if (user && child_do_identity(&c, NULL) < 0)
		child_fail(&c, PLAN_IN_IDENTITY, plan->n_ops);
	pid = syscall(SYS_clone3, args, sizeof(*args));
	if (pid == 0)
		child_main(plan, fds);
	rep.pid = (int32_t)pid;
	if (pid < 0 || child_report(&c, &rep) < 0)
		child_fail(&c, PLAN_IN_WAIT, plan->n_ops);
	child_exit(0);
}
