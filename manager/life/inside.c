/*
 * inside.c - packets of a session in, callbacks out.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/loop.h"
#include "manager/life/inside.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define START_USEC (RUNTIME_START_SEC * USEC_PER_SEC)

struct inside {
	int fd;
	enum dyno_stdio stdio;
	const struct inside_ops *ops;
	void *userdata;
	bool started;
	sd_event_source *source, *timer;
};

/* ---- ends ---- */

/* The callback may free it. */
static void inside_fail(struct inside *in, const char *why)
{
	in->source = loop_unref(in->source);
	in->timer = loop_unref(in->timer);
	if (in->started)
		in->ops->on_ended(128 + SIGKILL, in->userdata);
	else
		in->ops->on_failed(why, in->userdata);
}

static void inside_end(struct inside *in, int status)
{
	if (!in->started || status < 0 || status > 255) {
		inside_fail(in, "the dyno answers nonsense");
		return;
	}
	in->source = loop_unref(in->source);
	in->ops->on_ended(status, in->userdata);
}

static int on_inside_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	inside_fail(userdata, "the dyno does not answer");
	return 0;
}

/* ---- packets ---- */

static void inside_start(struct inside *in, int fds[DYNO_FD_COUNT], size_t n)
{
	size_t want = in->stdio == DYNO_STDIO_PTY ? 1 : DYNO_FD_COUNT;

	if (in->started || n != want) {
		inside_fail(in, "the dyno answers nonsense");
		return;
	}
	in->started = true;
	in->timer = loop_unref(in->timer);
	in->ops->on_started(fds, in->userdata);
}

static void inside_refused(struct inside *in, int code)
{
	switch (code) {
	case ESHUTDOWN:
		inside_fail(in, "the dyno is ending");
		break;
	case EUSERS:
		inside_fail(in, "too many commands run inside of the dyno");
		break;
	case EAGAIN:
		inside_fail(in, "the dyno may have no more processes");
		break;
	default:
		inside_fail(in, strerror(code));
	}
}

static void inside_take(struct inside *in, const struct dyno_session *m,
			int fds[DYNO_FD_COUNT], size_t n_fds)
{
	switch (m->what) {
	case DYNO_SESSION_STARTED:
		inside_start(in, fds, n_fds);
		break;
	case DYNO_SESSION_FAILED:
		inside_refused(in, m->value);
		break;
	case DYNO_SESSION_ENDED:
		inside_end(in, m->value);
		break;
	default:
		inside_fail(in, "the dyno answers nonsense");
	}
}

/* How many came; more than fit are closed by the kernel. */
static size_t inside_fds(struct msghdr *h, int fds[DYNO_FD_COUNT])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	size_t n;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return n;
}

static int on_inside_packet(sd_event_source *src, int fd, uint32_t revents,
			    void *userdata)
{
	struct inside *in = userdata;
	int fds[DYNO_FD_COUNT] = { -1, -1, -1 };
	struct dyno_session m;
	struct iovec iov = { .iov_base = &m, .iov_len = sizeof(m) };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(fds))];
	} rights;
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &rights,
		.msg_controllen = CMSG_LEN(sizeof(fds)),
	};
	ssize_t n = recvmsg(fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	size_t n_fds = n >= 0 ? inside_fds(&h, fds) : 0;

	if (n == sizeof(m))
		inside_take(in, &m, fds, n_fds);
	else if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		inside_fail(in, "the dyno has ended");
	for (size_t i = 0; i < DYNO_FD_COUNT; i++)
		fd_close(fds[i]);
	return 0;
}

/* ---- life ---- */

int inside_new(struct inside **ret, sd_event *event, int session,
	       enum dyno_stdio stdio, const struct inside_ops *ops, void *userdata,
	       struct error *e)
{
	struct inside *in = xcalloc(1, sizeof(*in));
	int r;

	in->fd = -1;
	in->stdio = stdio;
	in->ops = ops;
	in->userdata = userdata;
	r = sd_event_add_io(event, &in->source, session, EPOLLIN, on_inside_packet,
			    in);
	if (r < 0)
		error_ret(e, r, "watch a session");
	else
		r = loop_deadline(event, &in->timer, START_USEC, on_inside_timer, in,
				  "session", e);
	if (r < 0) {
		inside_free(in);
		return r;
	}
	in->fd = session;
	*ret = in;
	return 0;
}

struct inside *inside_free(struct inside *in)
{
	if (!in)
		return NULL;
	in->source = loop_unref(in->source);
	in->timer = loop_unref(in->timer);
	fd_close(in->fd);
	free(in);
	return NULL;
}

int inside_signal(struct inside *in, int sig, struct error *e)
{
	const struct dyno_session m = { .what = DYNO_SESSION_SIGNAL, .value = sig };

	if (send(in->fd, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	    errno != EPIPE && errno != ECONNRESET)
		return error_sys(e, "signal a command inside of a dyno");
	return 0;
}
