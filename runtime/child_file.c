/*
 * child_file.c - directories, files, links and nodes of the root to be.
 */
#include "runtime/child_op.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define CHILD_PROC "/proc"
#define CHILD_PROC_ROOT 1		/* inode number of its root */

/* Where the child makes something it is root itself; the helper is not. */
static int child_own(const struct child *c, const char *path, bool for_app)
{
	uint32_t uid = for_app ? c->ids->app_uid : c->ids->root;
	uint32_t gid = for_app ? c->ids->app_gid : c->ids->root;

	if (uid == 0)
		return 0;
	return (int)syscall(SYS_fchownat, AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

/* In a root of somebody else's the place is all that counts. */
int child_do_dir(struct child *c, const struct plan_op *op)
{
	int fd;

	if (c->plan->in_root) {
		fd = child_place(c, op->to, PLAN_MAKE_DIR);
		return fd < 0 ? -1 : child_close(fd, 0);
	}
	if (syscall(SYS_mkdirat, AT_FDCWD, op->to, op->mode) < 0)
		return -1;
	return child_own(c, op->to, op->for_app);
}

static int child_file(const struct plan_op *op)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, op->to,
			      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, op->mode);
	long n;

	if (fd < 0)
		return -1;
	n = op->text_len ? syscall(SYS_write, fd, op->text, op->text_len) : 0;
	if (n >= 0 && (size_t)n != op->text_len)
		errno = ENOSPC;
	return child_close(fd, n == (long)op->text_len ? 0 : -1);
}

int child_do_file(struct child *c, const struct plan_op *op)
{
	int fd;

	if (c->plan->in_root) {
		fd = child_place(c, op->to, PLAN_MAKE_FILE);
		return fd < 0 ? -1 : child_close(fd, 0);
	}
	return child_file(op) < 0 ? -1 : child_own(c, op->to, false);
}

int child_do_link(struct child *c, const struct plan_op *op)
{
	const char *name;
	int dir, r;

	if (!c->plan->in_root)
		return syscall(SYS_symlinkat, op->from, AT_FDCWD, op->to) < 0
			? -1 : child_own(c, op->to, false);
	dir = child_parent(c, op->to, &name);
	if (dir < 0)
		return -1;
	r = (int)syscall(SYS_symlinkat, op->from, dir, name);
	if (r < 0 && errno == EEXIST)
		r = 0;		/* the image's own, or a mount's */
	return child_close(dir, r);
}

/* Made anew, or there already as what it should be. */
static int child_node_at(int dir, const char *name, const struct plan_op *op)
{
	struct stat st;

	if (syscall(SYS_mknodat, dir, name, op->mode, op->rdev) < 0) {
		if (errno != EEXIST)
			return -1;
		if (syscall(SYS_newfstatat, dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -1;
		if ((st.st_mode & S_IFMT) != (op->mode & S_IFMT) ||
		    (!S_ISFIFO(st.st_mode) && st.st_rdev != op->rdev)) {
			errno = EEXIST;
			return -1;
		}
	}
	return (int)syscall(SYS_fchownat, dir, name, op->uid, op->gid,
			    AT_SYMLINK_NOFOLLOW);
}

int child_do_node(struct child *c, const struct plan_op *op)
{
	const char *name;
	int dir = child_parent(c, op->to, &name);

	return dir < 0 ? -1 : child_close(dir, child_node_at(dir, name, op));
}

/* The whole of a procfs, not something that a container has put in its place. */
static int child_open_proc(void)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, CHILD_PROC,
			      O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return -1;
	if (syscall(SYS_fstatfs, fd, &fs) < 0 || syscall(SYS_fstat, fd, &st) < 0)
		return child_close(fd, -1);
	if (fs.f_type == PROC_SUPER_MAGIC && st.st_ino == CHILD_PROC_ROOT)
		return fd;
	errno = EXDEV;
	return child_close(fd, -1);
}

/* A control file of the kernel's below /proc. In a container that runs already
 * another file could be mounted over it: then a label would go nowhere. */
int child_do_write(struct child *c, const struct plan_op *op)
{
	struct open_how how = {
		.flags = O_WRONLY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	int proc = child_open_proc(), fd;
	long n;

	(void)c;
	if (proc < 0)
		return -1;
	fd = (int)syscall(SYS_openat2, proc, op->to + sizeof(CHILD_PROC), &how,
			  sizeof(how));
	child_close(proc, 0);
	if (fd < 0)
		return -1;
	n = syscall(SYS_write, fd, op->text, op->text_len);
	return child_close(fd, n < 0 ? -1 : 0);
}
