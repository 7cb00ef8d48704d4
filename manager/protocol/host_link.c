/*
 * One packet per wake-up of the loop: the handler may free the link, so nothing
 * of it is touched after a callback.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/sock.h"
#include "manager/protocol/host_link.h"

#include <fcntl.h>
#include <sys/epoll.h>

#define HOST_SOCKET_BYTES (2 * HOST_MESSAGE_MAX)

struct host_link {
	int fd;
	sd_event_source *io;
	enum host_side peer;
	const struct host_link_ops *ops;
	void *userdata;
	struct list queue;		/* struct outgoing */
	size_t queued;			/* bytes in it */
	struct host_packet packet;
	char data[HOST_MESSAGE_MAX];
};

#ifdef DYNO_FAULT_POINTS
/* Of an encoded message, whose type is what it begins with. */
static const char *host_link_word(const void *message)
{
	uint32_t type;

	memcpy(&type, message, sizeof(type));
	return host_message_name(type);
}
#endif

/* A message that waits for room in the socket. */
struct outgoing {
	struct list link;
	size_t n;
	size_t n_fds;
	int fds[DYNO_FD_COUNT];
	char data[];
};

static void outgoing_free(struct host_link *l, struct outgoing *o)
{
	list_unlink(&o->link);
	l->queued -= o->n;
	for (size_t i = 0; i < o->n_fds; i++)
		fd_close(o->fds[i]);
	free(o);
}

static int host_link_enqueue(struct host_link *l, const struct buf *message,
			     const int *fds, size_t n_fds, struct error *e)
{
	struct outgoing *o;

	if (l->queued + message->len > HOST_QUEUE_MAX)
		return error_set(e, ENOBUFS, "the peer does not read: %zu bytes "
				 "wait for it", l->queued);
	o = xcalloc(1, sizeof(*o) + message->len);
	list_add_tail(&l->queue, &o->link);
	o->n = message->len;
	l->queued += o->n;
	memcpy(o->data, message->data, o->n);
	/* The caller's descriptors may be closed before their turn. */
	for (; o->n_fds < n_fds; o->n_fds++) {
		int fd = fcntl(fds[o->n_fds], F_DUPFD_CLOEXEC, 3);

		if (fd < 0) {
			int r = error_sys(e, "keep a descriptor for later");

			outgoing_free(l, o);
			return r;
		}
		o->fds[o->n_fds] = fd;
	}
	sd_event_source_set_io_events(l->io, EPOLLIN | EPOLLOUT);
	return 0;
}

int host_link_send(struct host_link *l, const struct buf *message,
		   const int fds[DYNO_FD_COUNT], struct error *e)
{
	int given[DYNO_FD_COUNT];
	size_t n = 0;
	int r;

	fault_point("send %s", host_link_word(message->data));
	for (int i = 0; fds && i < DYNO_FD_COUNT; i++)
		if (fds[i] >= 0)
			given[n++] = fds[i];
	if (list_empty(&l->queue)) {
		r = sock_send(l->fd, message->data, message->len, given, n, e);
		fault_point("sent %s", host_link_word(message->data));
		if (r != -EAGAIN)
			return r;
	}
	return host_link_enqueue(l, message, given, n, e);
}

static int host_link_flush(struct host_link *l, struct error *e)
{
	struct outgoing *o, *tmp;

	list_for_each_safe(o, tmp, &l->queue, link) {
		int r = sock_send(l->fd, o->data, o->n, o->fds, o->n_fds, e);

		if (r == -EAGAIN)
			return 0;
		if (r < 0)
			return r;
		outgoing_free(l, o);
	}
	sd_event_source_set_io_events(l->io, EPOLLIN);
	return 0;
}

/* Give each descriptor its place by the mask. */
static void host_link_sort_fds(uint32_t mask, const int *got,
			       int fds[DYNO_FD_COUNT])
{
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		fds[i] = mask & (1U << i) ? *got++ : -1;
}

static int host_link_receive(struct host_link *l, int fds[DYNO_FD_COUNT],
			     struct error *e)
{
	int got[SOCK_FDS_MAX];
	size_t n, n_fds;
	int r;

	r = sock_recv(l->fd, l->data, sizeof(l->data), &n, got, &n_fds, e);
	if (r < 0)
		return r;
	if (n == 0)
		r = error_set(e, ECONNRESET, "the connection has been closed");
	else
		r = host_message_decode(l->data, n, n_fds, l->peer, &l->packet, e);
	if (r < 0) {
		for (size_t i = 0; i < n_fds; i++)
			fd_close(got[i]);
		return r;
	}
	host_link_sort_fds(l->packet.head.fd_mask, got, fds);
	return 0;
}

static int on_host_link(sd_event_source *src, int fd, uint32_t events,
			void *userdata)
{
	struct host_link *l = userdata;
	int fds[DYNO_FD_COUNT];
	struct error e;
	int r = 0;

	if (events & EPOLLOUT)
		r = host_link_flush(l, &e);
	if (r >= 0 && !(events & ~(uint32_t)EPOLLOUT))
		return 0;
	if (r >= 0)
		r = host_link_receive(l, fds, &e);
	if (r == -EAGAIN)
		return 0;
	if (r < 0) {
		l->io = loop_unref(l->io);
		l->ops->on_broken(&e, l->userdata);
		return 0;
	}
	fault_point("got %s", host_link_word(&l->packet.head));
	l->ops->on_packet(&l->packet, fds, l->userdata);
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		fd_close(fds[i]);
	return 0;
}

int host_link_pair(int ret_fds[2], struct error *e)
{
	int bytes = HOST_SOCKET_BYTES;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       ret_fds) < 0)
		return error_sys(e, "create a socket pair");
	/* The default has room for one message on most machines; where the
	 * limit is lower, an over-long one fails by itself. */
	for (int i = 0; i < 2; i++)
		setsockopt(ret_fds[i], SOL_SOCKET, SO_SNDBUF, &bytes,
			   sizeof(bytes));
	return 0;
}

int host_link_new(struct host_link **ret, sd_event *event, int fd,
		  enum host_side peer, const struct host_link_ops *ops,
		  void *userdata, struct error *e)
{
	struct host_link *l = xcalloc(1, sizeof(*l));
	int r;

	l->fd = -1;
	l->peer = peer;
	l->ops = ops;
	l->userdata = userdata;
	list_init(&l->queue);
	r = file_set_nonblock(fd, true, e);
	if (r >= 0) {
		r = sd_event_add_io(event, &l->io, fd, EPOLLIN, on_host_link, l);
		if (r < 0)
			error_ret(e, r, "watch the connection");
	}
	if (r < 0) {
		host_link_free(l);
		return r;
	}
	sd_event_source_set_description(l->io, "host-link");
	l->fd = fd;
	*ret = l;
	return 0;
}

struct host_link *host_link_free(struct host_link *l)
{
	struct outgoing *o, *tmp;

	if (!l)
		return NULL;
	l->io = loop_unref(l->io);
	list_for_each_safe(o, tmp, &l->queue, link)
		outgoing_free(l, o);
	l->fd = fd_close(l->fd);
	free(l);
	return NULL;
}
