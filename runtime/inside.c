/*
 * inside.c - further commands inside of a running dyno: dyno-init is asked.
 *
 * Nothing of ours enters the dyno, and nothing is read from there: the request
 * goes to a socket that dyno-init has kept for it, and who wants the command talks
 * with dyno-init from then on.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/init.h"
#include "runtime/runtime.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static int inside_old(const struct dyno *d, struct error *e)
{
	return error_set(e, EOPNOTSUPP, "dyno %s was started by an older version, "
			 "which runs nothing inside: restart it", d->uuid);
}

/* An older dyno-init may have anything under this number. */
static int inside_control(const struct dyno *d, int *ret_fd, struct error *e)
{
	auto_close int fd = -1;
	socklen_t n = sizeof(int);
	int type = 0, domain = 0;

	if (d->pidfd < 0)
		return error_set(e, ESRCH, "dyno %s has ended", d->uuid);
	fd = (int)syscall(SYS_pidfd_getfd, d->pidfd, INIT_FD_CONTROL, 0);
	if (fd < 0 && errno == EBADF)
		return inside_old(d, e);
	if (fd < 0)
		return error_sys(e, "take the control socket of dyno %s", d->uuid);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0 ||
	    type != SOCK_SEQPACKET || domain != AF_UNIX)
		return inside_old(d, e);
	*ret_fd = take_fd(fd);
	return 0;
}

static uint32_t inside_add(struct buf *out, char *const *v)
{
	uint32_t n = 0;

	for (; v && v[n]; n++)
		buf_add(out, v[n], strlen(v[n]) + 1);
	return n;
}

static int inside_command(struct buf *out, const struct dyno_spec *s, struct error *e)
{
	struct init_command c = { 0, 0 };

	if (!s->argv || !s->argv[0] || s->argv[0][0] != '/')
		return error_set(e, EINVAL, "the command has no absolute path");
	buf_add(out, &c, sizeof(c));
	c.n_argv = inside_add(out, s->argv);
	c.n_envp = inside_add(out, s->envp);
	memcpy(out->data, &c, sizeof(c));
	if (out->len > INIT_COMMAND_MAX || c.n_argv + c.n_envp > INIT_WORDS_MAX)
		return error_set(e, E2BIG, "the command and its environment are too "
				 "long");
	return 0;
}

/* A file, since it may be larger than what a socket or a pipe takes at once. */
static int inside_file(const struct buf *command, int *ret_fd, struct error *e)
{
	auto_close int fd = memfd_create("command", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return error_sys(e, "make a file for a command");
	r = file_write_all(fd, command->data, command->len, e);
	if (r < 0)
		return r;
	*ret_fd = take_fd(fd);
	return 0;
}

static int inside_send(const struct dyno *d, int control,
		       const int fds[INIT_REQUEST_FDS], const struct dyno_spec *s,
		       struct error *e)
{
	struct init_request q = {
		.magic = INIT_REQUEST_MAGIC, .tty = s->stdio == DYNO_STDIO_PTY,
		.rows = s->rows, .cols = s->cols,
	};
	struct iovec iov = { .iov_base = &q, .iov_len = sizeof(q) };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(INIT_REQUEST_FDS * sizeof(int))];
	} rights = { .head = {
		.cmsg_len = CMSG_LEN(INIT_REQUEST_FDS * sizeof(int)), .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &rights,
		.msg_controllen = sizeof(rights.space),
	};

	memcpy(CMSG_DATA(&rights.head), fds, INIT_REQUEST_FDS * sizeof(int));
	if (sendmsg(control, &h, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	if (errno == EAGAIN)
		return error_set(e, EBUSY, "dyno %s does not listen", d->uuid);
	return error_sys(e, "ask dyno %s for a command", d->uuid);
}

int dyno_inside(struct dyno *d, const struct dyno_spec *spec, int *ret_session,
		struct error *e)
{
	auto_close int control = -1, ours = -1, theirs = -1, file = -1;
	auto_buf command = BUF_INIT;
	int pair[2], r = inside_command(&command, spec, e);

	if (r == 0)
		r = inside_control(d, &control, e);
	if (r == 0)
		r = inside_file(&command, &file, e);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "make a session");
	ours = pair[0];
	theirs = pair[1];
	r = inside_send(d, control, (int[]){ theirs, file }, spec, e);
	if (r < 0)
		return r;
	*ret_session = take_fd(ours);
	return 0;
}
