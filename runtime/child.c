/*
 * child.c - from clone3() to execveat(), on the far side.
 *
 * The rule of this file: nothing but system calls, and those through syscall(),
 * so that no wrapper of libc (threads, signals, caches of ids) takes part. What
 * needs memory or a library is computed by the parent and arrives in struct
 * plan. tests/lint/child-symbols checks what child.o refers to.
 *
 * Where it stands when it begins:
 *   user     its own, all capabilities in it, ids not mapped until "go"
 *   mount    its own, a copy of the host's table, until PLAN_PIVOT
 *   pid      its own, this is PID 1
 *   network  its own, empty; the parent moves eth0 in before the second "go"
 *   ipc, uts its own, empty
 *   cgroup   the host's; left by unshare() as soon as it has its cgroups, since
 *            the namespace's root is where the process stands at that moment
 */
#include "runtime/child.h"
#include "runtime/init.h"

#include <asm/ioctls.h>
#include <asm/termios.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifdef PTHREAD_CANCELED
#error "keep pthreads out of the process that clones"
#endif

#define CHILD_FDS_BASE 64		/* above all numbers that are assigned */
#define CHILD_UNMOUNT_DETACH 2		/* MNT_DETACH: its header clashes */

#define CHILD_SECUREBITS (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | \
	SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED | \
	SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | \
	SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static _Noreturn void child_exit(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
}

static int child_report(const struct child_fds *fds, int err,
			enum child_stage stage, size_t op)
{
	struct child_report rep = {
		.err = err, .stage = (uint16_t)stage, .op = (uint16_t)op,
	};
	long n = syscall(SYS_write, fds->report, &rep, sizeof(rep));

	return n == sizeof(rep) ? 0 : -1;
}

static _Noreturn void child_fail(const struct child_fds *fds,
				 enum child_stage stage, size_t op)
{
	int r = child_report(fds, errno, stage, op);

	child_exit(r == 0 ? CHILD_EXIT_REPORTED : CHILD_EXIT_SILENT);
}

/* One byte per step of the parent; end of file = the parent is gone. */
static int child_wait(const struct child_fds *fds)
{
	char go;
	long n = syscall(SYS_read, fds->go, &go, 1);

	if (n == 0)
		errno = ECANCELED;
	return n == 1 ? 0 : -1;
}

static int child_join(const struct cgroup *c)
{
	for (size_t i = 0; i < c->n_procs_fds; i++)
		if (syscall(SYS_write, c->procs_fds[i], "0", 1) != 1)
			return -1;
	return (int)syscall(SYS_unshare, CLONE_NEWCGROUP);
}

static int child_identity(void)
{
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 ||
	    syscall(SYS_setgroups, 0, NULL) < 0)
		return -1;
	return (int)syscall(SYS_setresuid, 0, 0, 0);
}

static int child_session(const struct plan *plan)
{
	size_t n = 0;

	while (plan->hostname[n])
		n++;
	if (syscall(SYS_setsid) < 0 ||
	    syscall(SYS_sethostname, plan->hostname, n) < 0)
		return -1;
	/* Kernels without keyrings have no keys to protect. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "dyno") < 0 &&
	    errno != ENOSYS)
		return -1;
	return 0;
}

/* ---- root file system ---- */

/* A place to mount on: below the staging directory, through no link. */
static int child_target(const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static int child_close(int fd, int r)
{
	int saved = errno;

	syscall(SYS_close, fd);
	errno = saved;
	return r;
}

static int child_attach_at(int tree, int target)
{
	return (int)syscall(SYS_move_mount, tree, "", target, "",
			    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int child_attach(int tree, const char *to)
{
	int target = child_target(to);

	if (target < 0)
		return -1;
	return child_close(target, child_attach_at(tree, target));
}

static int child_configure(int fs, const struct plan_option *options)
{
	for (size_t i = 0; i < PLAN_OPTIONS_MAX && options[i].key; i++) {
		const struct plan_option *o = &options[i];

		if (syscall(SYS_fsconfig, fs,
			    o->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
			    o->key, o->value, 0) < 0)
			return -1;
	}
	return (int)syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

/* A new file system, not yet anywhere. */
static int child_new_mount(const struct plan_op *op)
{
	int fs = (int)syscall(SYS_fsopen, op->from, FSOPEN_CLOEXEC);
	int mnt;

	if (fs < 0)
		return -1;
	if (child_configure(fs, op->options) < 0)
		return -1;
	mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, op->attr);
	return child_close(fs, mnt);
}

static int child_mount(const struct plan_op *op)
{
	int mnt = child_new_mount(op);

	if (mnt < 0)
		return -1;
	return child_close(mnt, child_attach(mnt, op->to));
}

/*
 * The tmpfs goes on top of /: the one directory that is there on every host and
 * that a user without rights may search. Absolute paths still mean the host's
 * root below it, relative ones the staging area.
 */
static int child_enter(int mnt)
{
	struct mount_attr attr = { .propagation = MS_PRIVATE };

	if (mnt < 0 ||
	    syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &attr,
		    sizeof(attr)) < 0 ||
	    syscall(SYS_move_mount, mnt, "", AT_FDCWD, "/",
		    MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    syscall(SYS_fchdir, mnt) < 0)
		return -1;
	return child_close(mnt, 0);
}

/* Where the child makes something it is root itself; the helper is not. */
static int child_own(const char *path, bool for_app, const struct plan_ids *ids)
{
	uint32_t uid = for_app ? ids->app_uid : ids->root;
	uint32_t gid = for_app ? ids->app_gid : ids->root;

	if (uid == 0)
		return 0;
	return (int)syscall(SYS_lchown, path, uid, gid);
}

static int child_dir(const struct plan_op *op, const struct plan_ids *ids)
{
	if (syscall(SYS_mkdir, op->to, op->mode) < 0 ||
	    syscall(SYS_chmod, op->to, op->mode) < 0)
		return -1;
	return child_own(op->to, op->for_app, ids);
}

static int child_link(const struct plan_op *op, const struct plan_ids *ids)
{
	if (syscall(SYS_symlink, op->from, op->to) < 0)
		return -1;
	return child_own(op->to, false, ids);
}

static int child_file(const struct plan_op *op, const struct plan_ids *ids)
{
	int fd = (int)syscall(SYS_open, op->to,
			      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, op->mode);
	long n;

	if (fd < 0)
		return -1;
	n = syscall(SYS_write, fd, op->text, op->text_len);
	if (n >= 0 && (size_t)n != op->text_len)
		errno = ENOSPC;
	if (child_close(fd, n == (long)op->text_len ? 0 : -1) < 0)
		return -1;
	return child_own(op->to, false, ids);
}

/* Clone what lies under a descriptor, with attributes, and attach the clone. */
static int child_bind_fd(int from, int target, uint64_t set)
{
	struct mount_attr attr = { .attr_set = set };
	int tree = (int)syscall(SYS_open_tree, from, "", AT_EMPTY_PATH |
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		return -1;
	if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr,
		    sizeof(attr)) < 0)
		return child_close(tree, -1);
	return child_close(tree, child_attach_at(tree, target));
}

static int child_bind(const struct plan_op *op)
{
	int from = child_target(op->from), target, r;

	if (from < 0)
		return -1;
	target = child_target(op->to);
	r = target < 0 ? -1 : child_bind_fd(from, target, op->attr);
	if (target >= 0)
		child_close(target, 0);
	return child_close(from, r);
}

/* Only what is the device that its name promises. */
static int child_device(const struct plan_op *op)
{
	int from = (int)syscall(SYS_open, op->from,
				O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int target, r;

	if (from < 0 || syscall(SYS_fstat, from, &st) < 0)
		return -1;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != op->rdev) {
		errno = ENODEV;
		return -1;
	}
	target = child_target(op->to);
	r = target < 0 ? -1 : child_bind_fd(from, target, op->attr);
	if (target >= 0)
		child_close(target, 0);
	return child_close(from, r);
}

static int child_mask(const struct plan_op *op)
{
	int target = child_target(op->to), empty, r;
	struct stat st;

	if (target < 0)
		return errno == ENOENT ? 0 : -1;
	if (syscall(SYS_fstat, target, &st) < 0)
		return -1;
	empty = child_target(S_ISDIR(st.st_mode) ? "void" : "null");
	if (empty < 0)
		return -1;
	r = child_bind_fd(empty, target, op->attr);
	child_close(empty, 0);
	return child_close(target, r);
}

static int child_readonly(const struct plan_op *op)
{
	int target = child_target(op->to);

	if (target < 0)
		return errno == ENOENT ? 0 : -1;
	return child_close(target, child_bind_fd(target, target, op->attr));
}

/* Nothing may be above the new root: its ".." is itself. */
static int child_check_root(void)
{
	struct statx here, above;

	if (syscall(SYS_statx, AT_FDCWD, "/", 0, STATX_MNT_ID, &here) < 0 ||
	    syscall(SYS_statx, AT_FDCWD, "/..", 0, STATX_MNT_ID, &above) < 0)
		return -1;
	if (here.stx_mnt_id == above.stx_mnt_id)
		return 0;
	errno = EBUSY;
	return -1;
}

/* Two are on top of the new root then: the host's root, and on that the
 * staging area, which goes first. */
static int child_pivot(const struct plan_op *op)
{
	if (syscall(SYS_chdir, op->to) < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0 ||
	    syscall(SYS_umount2, ".", CHILD_UNMOUNT_DETACH) < 0 ||
	    syscall(SYS_umount2, ".", CHILD_UNMOUNT_DETACH) < 0 ||
	    syscall(SYS_chdir, "/") < 0)
		return -1;
	return child_check_root();
}

static int child_op(const struct plan_op *op, const struct child_fds *fds,
		    const struct plan_ids *ids)
{
	switch (op->kind) {
	case PLAN_STAGE:
		return child_enter(child_new_mount(op));
	case PLAN_DIR:
		return child_dir(op, ids);
	case PLAN_FILE:
		return child_file(op, ids);
	case PLAN_LINK:
		return child_link(op, ids);
	case PLAN_TREE:
		return child_attach(fds->trees[op->tree], op->to);
	case PLAN_MOUNT:
		return child_mount(op);
	case PLAN_BIND:
		return child_bind(op);
	case PLAN_DEVICE:
		return child_device(op);
	case PLAN_MASK:
		return child_mask(op);
	case PLAN_READONLY:
		return child_readonly(op);
	case PLAN_PIVOT:
		return child_pivot(op);
	}
	errno = EINVAL;
	return -1;
}

/* ---- network ---- */

/* Returns the number of ACKs in a datagram, or -1 with the kernel's error. */
static int child_acks(const char *data, size_t n)
{
	int acks = 0;

	while (n >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *h = (const void *)data;
		size_t step = NLMSG_ALIGN(h->nlmsg_len);

		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > n)
			break;
		if (h->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *err = NLMSG_DATA(h);

			if (err->error) {
				errno = -err->error;
				return -1;
			}
			acks++;
		}
		if (step >= n)
			break;
		data += step;
		n -= step;
	}
	return acks;
}

/* *ret_acked is for the report: which message it was. */
static int child_network(const struct plan *plan, unsigned *ret_acked)
{
	_Alignas(struct nlmsghdr) char answer[4096];
	int s, acks;
	long n;

	*ret_acked = 0;
	if (plan->net_len == 0)
		return 0;
	s = (int)syscall(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			 NETLINK_ROUTE);
	if (s < 0 || syscall(SYS_sendto, s, plan->net, plan->net_len, 0, NULL,
			     0) < 0)
		return -1;
	while (*ret_acked < plan->net_acks) {
		n = syscall(SYS_recvfrom, s, answer, sizeof(answer), 0, NULL, NULL);
		if (n < 0)
			return -1;
		acks = child_acks(answer, (size_t)n);
		if (acks < 0)
			return -1;
		*ret_acked += (unsigned)acks;
	}
	return child_close(s, 0);
}

/* ---- limits, streams, privileges ---- */

static int child_limits(const struct plan *plan, size_t *ret_op)
{
	for (*ret_op = 0; *ret_op < plan->n_rlimits; (*ret_op)++) {
		const struct plan_rlimit *l = &plan->rlimits[*ret_op];

		if (syscall(SYS_prlimit64, 0, l->resource, &l->value, NULL) < 0)
			return -1;
	}
	return (int)syscall(SYS_sched_setaffinity, 0, sizeof(plan->cpus),
			    &plan->cpus);
}

/* The master stays with dyno-init; the dyno's terminal is all three streams. */
static int child_terminal(const struct plan *plan, struct child_fds *fds)
{
	struct winsize size = { .ws_row = plan->rows, .ws_col = plan->cols };
	int master = (int)syscall(SYS_open, "/dev/pts/ptmx",
				  O_RDWR | O_NOCTTY | O_CLOEXEC);
	int unlock = 0, slave;

	if (master < 0 || syscall(SYS_ioctl, master, TIOCSPTLCK, &unlock) < 0)
		return -1;
	slave = (int)syscall(SYS_ioctl, master, TIOCGPTPEER,
			     O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || syscall(SYS_ioctl, slave, TIOCSWINSZ, &size) < 0 ||
	    syscall(SYS_fchown, slave, PLAN_APP_ID, PLAN_TTY_GID) < 0)
		return -1;
	fds->in = fds->out = fds->err = slave;
	fds->hold_out = master;
	/* The parent has its copy before the command can write and end. */
	if (child_report(fds, 0, CHILD_STDIO, (size_t)master) < 0)
		return -1;
	return child_wait(fds);
}

static int child_stdio(const struct plan *plan, struct child_fds *fds)
{
	int from[INIT_FD_END];

	if (plan->tty && child_terminal(plan, fds) < 0)
		return -1;
	if (fds->in < 0)
		fds->in = (int)syscall(SYS_open, "/dev/null",
				       O_RDONLY | O_CLOEXEC);
	from[STDIN_FILENO] = fds->in;
	from[STDOUT_FILENO] = fds->out;
	from[STDERR_FILENO] = fds->err;
	from[INIT_FD_EXIT] = fds->exit;
	from[INIT_FD_OUT] = fds->hold_out;
	from[INIT_FD_ERR] = fds->hold_err;

	/* First out of the way of all targets, then into place. */
	for (int i = 0; i < INIT_FD_END; i++) {
		if (from[i] < 0)
			continue;
		from[i] = (int)syscall(SYS_fcntl, from[i], F_DUPFD_CLOEXEC,
				       CHILD_FDS_BASE);
		if (from[i] < 0)
			return -1;
	}
	fds->init = (int)syscall(SYS_fcntl, fds->init, F_DUPFD_CLOEXEC,
				 CHILD_FDS_BASE);
	fds->report = (int)syscall(SYS_fcntl, fds->report, F_DUPFD_CLOEXEC,
				   CHILD_FDS_BASE);
	if (fds->init < 0 || fds->report < 0)
		return -1;
	for (int i = 0; i < INIT_FD_END; i++) {
		if (from[i] < 0)
			syscall(SYS_close, i);
		else if (syscall(SYS_dup2, from[i], i) < 0)
			return -1;
	}
	return (int)syscall(SYS_close_range, (unsigned)INIT_FD_END, ~0U,
			    CLOSE_RANGE_CLOEXEC);
}

static int child_privilege(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	for (int cap = 0; cap < 64; cap++)
		if (syscall(SYS_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno != EINVAL || cap == 0)
				return -1;
			break;		/* the kernel knows no more */
		}
	if (syscall(SYS_prctl, PR_SET_SECUREBITS, CHILD_SECUREBITS, 0, 0, 0) < 0 ||
	    syscall(SYS_setresgid, PLAN_APP_ID, PLAN_APP_ID, PLAN_APP_ID) < 0 ||
	    syscall(SYS_setresuid, PLAN_APP_ID, PLAN_APP_ID, PLAN_APP_ID) < 0 ||
	    syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capset, &head, none) < 0)
		return -1;
	return (int)syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

_Noreturn void child_build(const struct plan *plan, const struct child_fds *fds)
{
	int stage;

	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	syscall(SYS_close, fds->go_peer);
	syscall(SYS_umask, 0022);
	for (size_t op = 0; op < plan->n_layers; op++)
		if (child_op(&plan->ops[op], fds, &plan->outside) < 0)
			child_fail(fds, CHILD_LAYERS, op);
	stage = (int)syscall(SYS_open_tree, AT_FDCWD, ".", AT_RECURSIVE |
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (stage < 0 ||
	    child_report(fds, 0, CHILD_LAYERS, (size_t)stage) < 0 ||
	    child_wait(fds) < 0)
		child_fail(fds, CHILD_LAYERS, plan->n_layers);
	child_exit(0);
}

/* The layers, or what the helper made of them. */
static size_t child_layers(const struct plan *plan, const struct child_fds *fds)
{
	if (plan->by_host) {
		if (child_enter(fds->stage) < 0)
			child_fail(fds, CHILD_LAYERS, plan->n_layers);
		return plan->n_layers;
	}
	for (size_t op = 0; op < plan->n_layers; op++)
		if (child_op(&plan->ops[op], fds, &plan->inside) < 0)
			child_fail(fds, CHILD_LAYERS, op);
	return plan->n_layers;
}

_Noreturn void child_main(const struct plan *plan, const struct child_fds *orig)
{
	struct child_fds fds = *orig;
	unsigned acked = 0;
	size_t op = 0;

	/* A dyno is complete, or it ends with the daemon that was making it. The
	 * change of ids at the end takes this away. */
	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	syscall(SYS_close, fds.go_peer);
	syscall(SYS_umask, 0022);
	if (child_join(fds.cgroup) < 0)
		child_fail(&fds, CHILD_CGROUP, 0);
	if (child_wait(&fds) < 0)
		child_fail(&fds, CHILD_WAIT, 0);
	if (child_identity() < 0)
		child_fail(&fds, CHILD_IDENTITY, 0);
	if (child_session(plan) < 0)
		child_fail(&fds, CHILD_SESSION, 0);
	for (op = child_layers(plan, &fds); op < plan->n_ops; op++)
		if (child_op(&plan->ops[op], &fds, &plan->inside) < 0)
			child_fail(&fds, CHILD_ROOTFS, op);
	if (child_wait(&fds) < 0)
		child_fail(&fds, CHILD_WAIT, 1);
	if (child_network(plan, &acked) < 0)
		child_fail(&fds, CHILD_NETWORK, acked);
	if (child_limits(plan, &op) < 0)
		child_fail(&fds, CHILD_LIMITS, op);
	if (child_stdio(plan, &fds) < 0 || syscall(SYS_chdir, "/app") < 0)
		child_fail(&fds, CHILD_STDIO, 0);
	if (child_privilege() < 0)
		child_fail(&fds, CHILD_PRIVILEGE, 0);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, plan->filter) < 0)
		child_fail(&fds, CHILD_FILTER, 0);
	syscall(SYS_execveat, fds.init, "", plan->argv.v, plan->envp,
		AT_EMPTY_PATH);
	child_fail(&fds, CHILD_EXEC, 0);
}
