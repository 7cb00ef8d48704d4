/*
 * child_stdio.c - standard streams, and all other descriptors gone at exec.
 */
#include "runtime/child_op.h"
#include "runtime/init.h"

#include <asm/ioctls.h>
#include <asm/termios.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#define CHILD_FDS_BASE 64		/* above all numbers that are assigned */
#define CHILD_DEV_NULL 0x103		/* makedev(1, 3) is a call */

static int child_output(int slave, tcflag_t clear)
{
	struct termios t;

	if (clear == 0)
		return 0;
	if (syscall(SYS_ioctl, slave, TCGETS, &t) < 0)
		return -1;
	t.c_oflag &= ~clear;
	return (int)syscall(SYS_ioctl, slave, TCSETS, &t);
}

/* The parent has the master before the command can write and end. It stays with
 * dyno-init, too, if there is one. */
int child_do_terminal(struct child *c, const struct plan_op *op)
{
	struct winsize size = {
		.ws_row = (unsigned short)op->num[0],
		.ws_col = (unsigned short)op->num[1],
	};
	/* A link there must not lead to a descriptor that we have open. */
	struct open_how how = {
		.flags = O_RDWR | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_NO_MAGICLINKS,
	};
	int master = (int)syscall(SYS_openat2, AT_FDCWD, "/dev/pts/ptmx", &how,
				  sizeof(how));
	int unlock = 0, slave;

	if (master < 0 || syscall(SYS_ioctl, master, TIOCSPTLCK, &unlock) < 0)
		return -1;
	slave = (int)syscall(SYS_ioctl, master, TIOCGPTPEER,
			     O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || syscall(SYS_ioctl, slave, TIOCSWINSZ, &size) < 0 ||
	    child_output(slave, (tcflag_t)op->num[2]) < 0)
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

/* What we still need ourselves goes above all numbers that are assigned. */
static int child_lift(int *fd, int base)
{
	int up;

	if (*fd < 0)
		return 0;
	up = (int)syscall(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, base);
	if (up < 0)
		return -1;	/* the old one may still report that */
	*fd = up;
	return 0;
}

/* Now, not at exec: a container may wait long for its start, and would keep what
 * its maker had opened and locked. Whatever is left goes at exec. */
static int child_close_others(unsigned first, const int *keep, int n)
{
	unsigned next;

	do {
		next = ~0U;
		for (int i = 0; i < n; i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= first &&
			    (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next > first &&
		    syscall(SYS_close_range, first, next - (next != ~0U), 0) < 0)
			return -1;
		first = next + 1;
	} while (next != ~0U);
	return 0;
}

/* Descriptors to be kept were handed to us, and stay open at exec; a hole among
 * them may hold one of our own. */
static void child_close_own(int first)
{
	for (int fd = 3; fd < first; fd++)
		if (syscall(SYS_fcntl, fd, F_GETFD) > 0)
			syscall(SYS_close, fd);
}

/* First out of the way of all targets, then into place. */
static int child_assign(const int *want, int n, int base)
{
	int from[INIT_FD_END];

	for (int i = 0; i < n; i++) {
		from[i] = want[i];
		if (child_lift(&from[i], base) < 0)
			return -1;
	}
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

static int child_give(struct child *c, int base)
{
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
	want[INIT_FD_LEASE] = c->fds.lease;
	return child_assign(want, INIT_FD_END, base);
}

int child_do_stdio(struct child *c, const struct plan_op *op)
{
	unsigned first = (unsigned)op->num[0];
	int base = first > CHILD_FDS_BASE ? (int)first : CHILD_FDS_BASE;
	int *const own[] = { &c->fds.exec, &c->fds.report, &c->fds.go, &c->fds.start,
			     &c->fds.state };
	int keep[ARRAY_SIZE(own)];

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (child_lift(own[i], base) < 0)
			return -1;
		keep[i] = *own[i];
	}
	if ((c->fds.inherit ? child_inherit(c) : child_give(c, base)) < 0)
		return -1;
	if (c->fds.inherit)
		child_close_own((int)first);
	return child_close_others(first, keep, (int)ARRAY_SIZE(own));
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
		/* The group of a terminal is what wall(1) and others write by. */
		if (syscall(SYS_fchown, fd, op->uid,
			    S_ISCHR(st.st_mode) ? -1 : (int)op->gid) < 0 && errno != EPERM &&
		    errno != EINVAL && errno != EROFS)
			return -1;
	}
	return 0;
}
