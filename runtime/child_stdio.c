/*
 * child_stdio.c - standard streams, and all other descriptors gone at exec.
 */
#include "runtime/child_op.h"
#include "runtime/init.h"

#include <asm/ioctls.h>
#include <asm/termios.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/stat.h>

#define CHILD_FDS_BASE 64		/* above all numbers that are assigned */
#define CHILD_DEV_NULL 0x103		/* makedev(1, 3) is a call */

/* The parent has the master before the command can write and end. It stays with
 * dyno-init, too, if there is one. */
int child_do_terminal(struct child *c, const struct plan_op *op)
{
	struct winsize size = {
		.ws_row = (unsigned short)op->num[0],
		.ws_col = (unsigned short)op->num[1],
	};
	int master = (int)syscall(SYS_openat, AT_FDCWD, "/dev/pts/ptmx",
				  O_RDWR | O_NOCTTY | O_CLOEXEC);
	int unlock = 0, slave;

	if (master < 0 || syscall(SYS_ioctl, master, TIOCSPTLCK, &unlock) < 0)
		return -1;
	slave = (int)syscall(SYS_ioctl, master, TIOCGPTPEER,
			     O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || syscall(SYS_ioctl, slave, TIOCSWINSZ, &size) < 0)
		return -1;
	if (syscall(SYS_fchown, slave, op->uid, op->gid) < 0 && errno != EINVAL)
		return -1;
	c->fds.in = c->fds.out = c->fds.err = c->terminal = slave;
	if (child_tell(c, 0, PLAN_IN_STDIO, (size_t)master) < 0 || child_wait(c) < 0)
		return -1;
	if (c->fds.inherit)
		return child_close(master, 0);
	c->fds.hold_out = master;
	return 0;
}

int child_do_console(struct child *c, const struct plan_op *op)
{
	int target = child_place(c, op->to, op->make);

	if (target < 0)
		return -1;
	return child_close(target, child_clone_at(c->terminal, target, op->attr));
}

/* First out of the way of all targets, then into place. */
static int child_assign(struct child *c, const int *want, int n)
{
	int from[INIT_FD_END];

	for (int i = 0; i < n; i++) {
		from[i] = want[i];
		if (from[i] < 0)
			continue;
		from[i] = (int)syscall(SYS_fcntl, from[i], F_DUPFD_CLOEXEC,
				       CHILD_FDS_BASE);
		if (from[i] < 0)
			return -1;
	}
	c->fds.exec = (int)syscall(SYS_fcntl, c->fds.exec, F_DUPFD_CLOEXEC,
				   CHILD_FDS_BASE);
	c->fds.report = (int)syscall(SYS_fcntl, c->fds.report, F_DUPFD_CLOEXEC,
				     CHILD_FDS_BASE);
	c->fds.go = (int)syscall(SYS_fcntl, c->fds.go, F_DUPFD_CLOEXEC,
				 CHILD_FDS_BASE);
	if (c->fds.exec < 0 || c->fds.report < 0 || c->fds.go < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		if (from[i] < 0)
			syscall(SYS_close, i);
		else if (syscall(SYS_dup3, from[i], i, 0) < 0)
			return -1;
	}
	return 0;
}

/* The terminal is the controlling one as well; dyno-init does that itself. */
static int child_inherit(const struct child *c)
{
	if (c->terminal < 0)
		return 0;
	for (int i = 0; i < 3; i++)
		if (syscall(SYS_dup3, c->terminal, i, 0) < 0)
			return -1;
	return (int)syscall(SYS_ioctl, 0, TIOCSCTTY, 0);
}

int child_do_stdio(struct child *c, const struct plan_op *op)
{
	int r;

	if (c->fds.inherit) {
		r = child_inherit(c);
	} else {
		int want[INIT_FD_END];

		if (c->fds.in < 0)
			c->fds.in = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null",
						 O_RDONLY | O_CLOEXEC);
		want[STDIN_FILENO] = c->fds.in;
		want[STDOUT_FILENO] = c->fds.out;
		want[STDERR_FILENO] = c->fds.err;
		want[INIT_FD_EXIT] = c->fds.exit;
		want[INIT_FD_OUT] = c->fds.hold_out;
		want[INIT_FD_ERR] = c->fds.hold_err;
		r = child_assign(c, want, INIT_FD_END);
	}
	if (r < 0)
		return -1;
	return (int)syscall(SYS_close_range, (unsigned)op->num[0], ~0U,
			    CLOSE_RANGE_CLOEXEC);
}

/* So that the user can open /dev/stdout anew. What cannot be given away (a file
 * of a read-only mount, a pipe of an owner who is not mapped) stays. */
int child_do_own_stdio(struct child *c, const struct plan_op *op)
{
	struct stat st;

	(void)c;
	for (int fd = 0; fd < 3; fd++) {
		if (syscall(SYS_fstat, fd, &st) < 0 || st.st_uid == op->uid)
			continue;
		if (S_ISCHR(st.st_mode) && st.st_rdev == CHILD_DEV_NULL)
			continue;
		if (syscall(SYS_fchown, fd, op->uid, -1) < 0 && errno != EPERM &&
		    errno != EINVAL && errno != EROFS)
			return -1;
	}
	return 0;
}
