/*
 * child_mount.c - mounts, all by descriptors: what is mounted, and where, is
 * found once and then held.
 */
#include "runtime/child_op.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>

#define CHILD_UNMOUNT_DETACH 2		/* MNT_DETACH: its header clashes */
#define CHILD_MS_PRIVATE (1 << 18)
#define CHILD_MS_RDONLY 1

static int child_attach_at(int tree, int target)
{
	return (int)syscall(SYS_move_mount, tree, "", target, "",
			    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int child_attach(const struct child *c, int tree, const struct plan_op *op)
{
	int target = op->flags & AT_SYMLINK_NOFOLLOW
		? child_plain_place(c, op->to, op->make)
		: child_place(c, op->to, op->make);

	if (target < 0)
		return -1;
	return child_close(target, child_attach_at(tree, target));
}

static int child_configure(const struct child *c, int fs, const struct plan_op *op)
{
	for (size_t i = 0; i < op->n_options; i++) {
		const struct plan_option *o = &c->plan->options[op->first_option + i];

		if (syscall(SYS_fsconfig, fs,
			    o->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
			    o->key, o->value, 0) < 0)
			return -1;
	}
	return (int)syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

/* A new file system, not yet anywhere. */
static int child_new_mount(const struct child *c, const struct plan_op *op)
{
	int fs = (int)syscall(SYS_fsopen, op->from, FSOPEN_CLOEXEC);
	int mnt;

	if (fs < 0)
		return -1;
	if (child_configure(c, fs, op) < 0)
		return child_close(fs, -1);
	mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, op->attr);
	return child_close(fs, mnt);
}

static int child_set(int fd, const char *path, unsigned flags,
		     const struct mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, fd, path, flags, attr, sizeof(*attr));
}

/* A root without a mode of its own gets that of the directory which it covers. */
static int child_copy_mode(const struct child *c, int mnt, const char *to)
{
	int place = child_place(c, to, PLAN_MAKE_NONE);
	struct stat st;

	if (place < 0)
		return errno == ENOENT ? 0 : -1;
	if (syscall(SYS_fstat, place, &st) < 0)
		return child_close(place, -1);
	return child_close(place, syscall(SYS_fchmodat, mnt, ".",
					  st.st_mode & 07777) < 0 ? -1 : 0);
}

/* What the host's namespaces do not let this one mount comes from the host. */
int child_do_mount(struct child *c, const struct plan_op *op)
{
	int mnt = child_new_mount(c, op);
	struct mount_attr attr = { .propagation = op->num[PLAN_PROPAGATION] };

	if (mnt < 0 && errno == EPERM && op->fd >= 0)
		return child_attach(c, op->fd, op);
	if (mnt < 0)
		return -1;
	if (attr.propagation && child_set(mnt, "", AT_EMPTY_PATH, &attr) < 0)
		return child_close(mnt, -1);
	if (op->copy_mode && child_copy_mode(c, mnt, op->to) < 0)
		return child_close(mnt, -1);
	return child_close(mnt, child_attach(c, mnt, op));
}

/* A mount by its descriptor: umount2() takes names only, and the host's /proc has
 * one for each. */
static int child_unmount_fd(int fd)
{
	char path[] = "/proc/self/fd/          ";
	size_t n = sizeof("/proc/self/fd/") - 1, digits = 1;

	for (int rest = fd; rest >= 10; rest /= 10)
		digits++;
	path[n + digits] = '\0';
	for (size_t i = n + digits; i-- > n; fd /= 10)
		path[i] = (char)('0' + fd % 10);
	return (int)syscall(SYS_umount2, path, CHILD_UNMOUNT_DETACH);
}

/*
 * The kernel's table of mounts goes by age, and a reader expects the order of
 * the configuration, but what comes from the host was opened before all others.
 * A copy is younger. What cannot be copied stays as it is.
 */
static int child_renew(int tree, int target)
{
	int copy = (int)syscall(SYS_open_tree, tree, "", AT_EMPTY_PATH |
				AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (copy < 0)
		return 0;
	if (child_unmount_fd(tree) < 0)
		return child_close(copy, 0);
	return child_close(copy, child_attach_at(copy, target));
}

int child_do_tree(struct child *c, const struct plan_op *op)
{
	int target = child_place(c, op->to, op->make), r;

	if (target < 0)
		return -1;
	r = child_attach_at(op->fd, target);
	if (r == 0 && op->num[PLAN_RENEW])
		r = child_renew(op->fd, target);
	return child_close(target, r);
}

static int child_enter_at(int mnt, int target)
{
	struct mount_attr attr = { .propagation = CHILD_MS_PRIVATE };

	if (mnt < 0 ||
	    child_set(AT_FDCWD, "/", AT_RECURSIVE, &attr) < 0)
		return -1;
	if ((target < 0 ? syscall(SYS_move_mount, mnt, "", AT_FDCWD, "/",
				  MOVE_MOUNT_F_EMPTY_PATH)
			: child_attach_at(mnt, target)) < 0 ||
	    syscall(SYS_fchdir, mnt) < 0)
		return -1;
	return child_close(mnt, 0);
}

/*
 * The new root goes on top of /: the one directory that is there on every host
 * and that a user without rights may search. Absolute paths still mean the
 * host's root below it, relative ones the new one.
 */
int child_enter(int mnt)
{
	return child_enter_at(mnt, -1);
}

int child_do_stage(struct child *c, const struct plan_op *op)
{
	return child_enter(child_new_mount(c, op));
}

/* Hooks look for it at its path; where that cannot be reached, / will do. */
int child_do_root(struct child *c, const struct plan_op *op)
{
	int target = (int)syscall(SYS_openat, AT_FDCWD, op->to,
				  O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = child_enter_at(op->fd, target);

	(void)c;
	return target < 0 ? r : child_close(target, r);
}

/* Clone what lies under a descriptor, with attributes, and attach the clone. */
int child_clone_at(int from, int target, uint64_t set)
{
	struct mount_attr attr = { .attr_set = set };
	int tree = (int)syscall(SYS_open_tree, from, "", AT_EMPTY_PATH |
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		return -1;
	if (child_set(tree, "", AT_EMPTY_PATH, &attr) < 0)
		return child_close(tree, -1);
	return child_close(tree, child_attach_at(tree, target));
}

int child_do_bind(struct child *c, const struct plan_op *op)
{
	int from = child_place(c, op->from, PLAN_MAKE_NONE), target, r;

	if (from < 0)
		return -1;
	target = child_place(c, op->to, op->make);
	r = target < 0 ? -1 : child_clone_at(from, target, op->attr);
	if (target >= 0)
		child_close(target, 0);
	return child_close(from, r);
}

/* Only what is the device that its name promises. */
int child_do_device(struct child *c, const struct plan_op *op)
{
	int from = (int)syscall(SYS_openat, AT_FDCWD, op->from,
				O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int target, r;

	if (from < 0)
		return -1;
	if (syscall(SYS_fstat, from, &st) < 0)
		return child_close(from, -1);
	if ((!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)) ||
	    st.st_rdev != op->rdev) {
		errno = ENODEV;
		return child_close(from, -1);
	}
	target = child_place(c, op->to, op->make);
	r = target < 0 ? -1 : child_clone_at(from, target, op->attr);
	if (target >= 0)
		child_close(target, 0);
	return child_close(from, r);
}

static int child_is_absent(void)
{
	return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}

/* An empty directory of its own, or the host's null device, which reads as empty. */
static int child_mask_fresh(const struct child *c, const struct plan_op *op, int target,
			    bool dir)
{
	const struct plan_op empty = { .from = "tmpfs", .attr = op->attr };
	int fd = dir ? child_new_mount(c, &empty)
		     : (int)syscall(SYS_openat, AT_FDCWD, "/dev/null",
				    O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -1;
	return child_close(fd, dir ? child_attach_at(fd, target)
			   : child_clone_at(fd, target, op->attr &
					    ~(uint64_t)MOUNT_ATTR_NODEV));
}

static int child_mask_with(const struct child *c, const struct plan_op *op, int target,
			   bool dir)
{
	int empty, r;

	if (op->fd >= 0)
		return child_clone_at(dir ? (int)op->num[0] : op->fd, target, op->attr);
	if (c->plan->in_root)
		return child_mask_fresh(c, op, target, dir);
	empty = child_place(c, dir ? PLAN_VOID : PLAN_NULL, PLAN_MAKE_NONE);
	if (empty < 0)
		return -1;
	r = child_clone_at(empty, target, op->attr);
	return child_close(empty, r);
}

int child_do_mask(struct child *c, const struct plan_op *op)
{
	int target = child_place(c, op->to, PLAN_MAKE_NONE);
	struct stat st;

	if (target < 0)
		return child_is_absent();
	if (syscall(SYS_fstat, target, &st) < 0)
		return child_close(target, -1);
	return child_close(target, child_mask_with(c, op, target,
						   S_ISDIR(st.st_mode)));
}

int child_do_readonly(struct child *c, const struct plan_op *op)
{
	int target = child_place(c, op->to, PLAN_MAKE_NONE);
	struct mount_attr attr = { .attr_set = op->attr };
	int tree;

	if (target < 0)
		return child_is_absent();
	tree = (int)syscall(SYS_open_tree, target, "", AT_EMPTY_PATH | AT_RECURSIVE |
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return child_close(target, -1);
	if (child_set(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr) < 0)
		child_close(tree, 0), tree = -1;
	if (tree < 0)
		return child_close(target, -1);
	return child_close(target, child_close(tree, child_attach_at(tree, target)));
}

/* An absolute name after PIVOT is the container's: its root, no link. */
int child_do_attr(struct child *c, const struct plan_op *op)
{
	struct mount_attr attr = {
		.attr_set = op->attr, .attr_clr = op->clear,
		.propagation = op->num[PLAN_PROPAGATION],
	};
	int fd = child_place(c, op->to, PLAN_MAKE_NONE);

	if (fd < 0)
		return -1;
	return child_close(fd, child_set(fd, "", AT_EMPTY_PATH | op->flags, &attr));
}

/* ---- root ---- */

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

/* On top of a root that was made in the staging area two are left: the host's
 * root, and on that the staging area, which goes first. */
int child_do_pivot(struct child *c, const struct plan_op *op)
{
	if (syscall(SYS_chdir, op->to) < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0 ||
	    syscall(SYS_umount2, ".", CHILD_UNMOUNT_DETACH) < 0)
		return -1;
	if (!c->plan->in_root &&
	    syscall(SYS_umount2, ".", CHILD_UNMOUNT_DETACH) < 0)
		return -1;
	if (syscall(SYS_chdir, "/") < 0)
		return -1;
	return child_check_root();
}

/* Its submounts go with it. What a user namespace may not unmount is covered. */
int child_do_hide(struct child *c, const struct plan_op *op)
{
	(void)c;
	if (syscall(SYS_umount2, op->to, CHILD_UNMOUNT_DETACH) == 0)
		return 0;
	if (child_is_absent() == 0)
		return 0;
	return (int)syscall(SYS_mount, "tmpfs", op->to, "tmpfs",
			    CHILD_MS_RDONLY, "size=4k");
}

/* So that the root is the namespace's own: with a chroot() alone the kernel lets
 * no program make user namespaces. EINVAL: it is there already. */
int child_do_move(struct child *c, const struct plan_op *op)
{
	(void)c;
	if (syscall(SYS_move_mount, AT_FDCWD, op->to, AT_FDCWD, "/", 0) < 0 &&
	    errno != EINVAL)
		return -1;
	return 0;
}

int child_do_chroot(struct child *c, const struct plan_op *op)
{
	(void)c;
	if (syscall(SYS_chroot, op->to) < 0)
		return -1;
	return (int)syscall(SYS_chdir, "/");
}
