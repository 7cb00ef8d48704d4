/*
 * wire_plain.c - a packet is a record: tls_conn.h without TLS.
 */
#include "base/error.h"
#include "base/loop.h"
#include "base/sock.h"
#include "controller/attach/tls_conn.h"
#include "http/tls_identity.h"
#include "tests/fuzz/wire.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The client's end; what it is over is known to the port's end here, too. */
static struct {
	int fd;
	bool frames;
} wire = { .fd = -1 };

struct tls_conn {
	int fd;
	sd_event_source *io;
	const struct tls_conn_events *events;
	void *userdata;
	struct buf record;
	bool ready, paused, closed, busy, freed;
};

/* ---- the port's end ---- */

static void conn_arm(struct tls_conn *c)
{
	if (!c->closed)
		sd_event_source_set_io_events(c->io, (c->record.len ? EPOLLOUT : 0u) |
			(c->paused ? 0u : (uint32_t)EPOLLIN) | EPOLLRDHUP);
}

static void conn_destroy(struct tls_conn *c)
{
	c->io = loop_unref(c->io);
	buf_deinit(&c->record);
	fd_close(c->fd);
	free(c);
}

struct tls_conn *tls_conn_free(struct tls_conn *c)
{
	if (c && c->busy)
		c->freed = true;
	else if (c)
		conn_destroy(c);
	return NULL;
}

static void conn_close(struct tls_conn *c)
{
	c->closed = true;
	sd_event_source_set_enabled(c->io, SD_EVENT_OFF);
	c->events->on_closed(c, c->userdata);
}

static void conn_flush(struct tls_conn *c)
{
	ssize_t n = send(c->fd, c->record.data, c->record.len, MSG_NOSIGNAL);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) {
		conn_close(c);
		return;
	}
	assert((size_t)n == c->record.len);
	buf_clear(&c->record);
	c->events->on_written(c, c->userdata);
}

static void conn_read(struct tls_conn *c)
{
	auto_buf b = BUF_INIT;
	auto_free char *exact = NULL;
	ssize_t n;

	buf_reserve(&b, WIRE_RECORD_MAX);
	n = recv(c->fd, b.data, WIRE_RECORD_MAX, 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			conn_close(c);
		return;
	}
	/* Of its very size, so that reading behind it is seen. */
	exact = xmemdup(b.data, (size_t)n);
	c->events->on_data(c, exact, (size_t)n, c->userdata);
}

static int on_conn_io(sd_event_source *src, int fd, uint32_t revents, void *userdata)
{
	struct tls_conn *c = userdata;

	c->busy = true;
	if (!c->ready) {
		c->ready = true;
		c->events->on_ready(c, c->userdata);
	}
	if (!c->closed && !c->freed && c->record.len && (revents & EPOLLOUT))
		conn_flush(c);
	if (!c->closed && !c->freed && !c->paused && (revents & EPOLLIN))
		conn_read(c);
	else if (!c->closed && !c->freed && (revents & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)))
		conn_close(c);
	c->busy = false;
	if (c->freed)
		conn_destroy(c);
	else
		conn_arm(c);
	return 0;
}

int tls_conn_new(struct tls_conn **ret, sd_event *event, int fd,
		 struct tls_creds *creds, const char *protocol,
		 const struct tls_conn_events *events, void *userdata, struct error *e)
{
	struct tls_conn *c = xcalloc(1, sizeof(*c));

	c->fd = fd;
	c->events = events;
	c->userdata = userdata;
	assert(sd_event_add_io(event, &c->io, fd, EPOLLIN, on_conn_io, c) >= 0);
	*ret = c;
	return 0;
}

void tls_conn_write(struct tls_conn *c, const void *data, size_t n)
{
	assert(!c->record.len && n > 0 && n <= WIRE_RECORD_MAX);
	if (c->closed || c->freed)
		return;
	buf_add(&c->record, data, n);
	if (!c->busy)
		conn_arm(c);
}

bool tls_conn_busy(const struct tls_conn *c)
{
	return c->record.len > 0;
}

void tls_conn_pause(struct tls_conn *c, bool on)
{
	c->paused = on;
	if (!c->busy)
		conn_arm(c);
}

bool tls_conn_agreed(const struct tls_conn *c)
{
	return wire.frames;
}

int tls_conn_plain(struct tls_conn *c, struct error *e)
{
	int fds[2];

	assert(c->ready && !c->record.len && !c->closed);
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			  fds) == 0);
	c->io = loop_unref(c->io);
	c->closed = true;
	fd_close(wire.fd);
	wire.fd = fds[1];
	return fds[0];
}

void tls_conn_bye(struct tls_conn *c)
{
	shutdown(c->fd, SHUT_WR);
}

/* ---- the client's end ---- */

/* Nobody looks at it. */
struct tls_identity *wire_identity(void)
{
	return NULL;
}

struct tls_creds *tls_identity_creds(struct tls_identity *id)
{
	return NULL;
}

const int wire_socket_type = SOCK_SEQPACKET;

void wire_connect(sd_event *event, bool frames)
{
	wire.frames = frames;
	wire.fd = wire_socket_connect();
}

bool wire_send(const char *data, size_t n)
{
	return send(wire.fd, data, n, MSG_NOSIGNAL) == (ssize_t)n;
}

ssize_t wire_receive(struct buf *ret)
{
	ssize_t n;

	buf_reserve(ret, WIRE_RECORD_MAX);
	n = recv(wire.fd, ret->data + ret->len, WIRE_RECORD_MAX, 0);
	if (n <= 0)
		return n < 0 && errno == EAGAIN ? 0 : -1;
	ret->len += (size_t)n;
	ret->data[ret->len] = '\0';
	return n;
}

void wire_half_close(void)
{
	shutdown(wire.fd, SHUT_WR);
}

void wire_close(void)
{
	wire.fd = fd_close(wire.fd);
}
