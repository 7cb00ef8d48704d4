/*
 * tls_conn.c - GnuTLS on a non-blocking socket. A record that could not be
 * sent is offered again unchanged, as GnuTLS demands.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/loop.h"
#include "controller/attach/tls_conn.h"
#include "http/tls_creds.h"
#include "http/tls_pipe.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define READ_BYTES 16384

struct tls_conn {
	sd_event *event;		/* borrowed */
	const char *protocol;
	int fd;
	struct tls_creds *creds;
	gnutls_session_t session;
	sd_event_source *io, *kick;
	const struct tls_conn_events *events;
	void *userdata;
	struct buf record;		/* being sent */
	bool ready, paused, closed;
	bool busy, freed;		/* freed inside its own event */
};

static void tls_conn_destroy(struct tls_conn *c)
{
	c->io = loop_unref(c->io);
	c->kick = loop_unref(c->kick);
	if (c->session)
		gnutls_deinit(c->session);
	tls_creds_unref(c->creds);
	buf_deinit(&c->record);
	fd_close(c->fd);
	free(c);
}

struct tls_conn *tls_conn_free(struct tls_conn *c)
{
	if (!c)
		return NULL;
	if (c->busy)
		c->freed = true;
	else
		tls_conn_destroy(c);
	return NULL;
}

static bool tls_conn_dead(const struct tls_conn *c)
{
	return c->closed || c->freed;
}

static void tls_conn_close(struct tls_conn *c)
{
	if (tls_conn_dead(c))
		return;
	c->closed = true;
	sd_event_source_set_enabled(c->io, SD_EVENT_OFF);
	c->events->on_closed(c, c->userdata);
}

static void tls_conn_arm(struct tls_conn *c)
{
	uint32_t events = EPOLLRDHUP;

	if (c->closed)
		return;
	if (c->record.len || (!c->ready &&
			      gnutls_record_get_direction(c->session)))
		events |= EPOLLOUT;
	if (!c->paused || !c->ready)
		events |= EPOLLIN;
	sd_event_source_set_io_events(c->io, events);
	/* Bytes that GnuTLS has read already make no event. */
	if (c->ready && !c->paused && gnutls_record_check_pending(c->session))
		sd_event_source_set_enabled(c->kick, SD_EVENT_ONESHOT);
}

static void tls_conn_handshake(struct tls_conn *c)
{
	int r = gnutls_handshake(c->session);

	if (r == GNUTLS_E_SUCCESS) {
		c->ready = true;
		c->events->on_ready(c, c->userdata);
	} else if (gnutls_error_is_fatal(r)) {
		tls_conn_close(c);
	}
}

static void tls_conn_flush(struct tls_conn *c)
{
	ssize_t n = gnutls_record_send(c->session, c->record.data, c->record.len);

	if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
		return;
	if (n < 0) {
		tls_conn_close(c);
		return;
	}
	buf_consume(&c->record, (size_t)n);
	if (!c->record.len)
		c->events->on_written(c, c->userdata);
}

static void tls_conn_read(struct tls_conn *c)
{
	char data[READ_BYTES];
	ssize_t n;

	do {
		n = gnutls_record_recv(c->session, data, sizeof(data));
		if (n > 0)
			c->events->on_data(c, data, (size_t)n, c->userdata);
		else if (n == 0 || gnutls_error_is_fatal((int)n))
			tls_conn_close(c);
	} while (n > 0 && !tls_conn_dead(c) && !c->paused &&
		 gnutls_record_check_pending(c->session));
}

static void tls_conn_leave(struct tls_conn *c)
{
	c->busy = false;
	if (c->freed)
		tls_conn_destroy(c);
	else
		tls_conn_arm(c);
}

static void tls_conn_work(struct tls_conn *c, uint32_t revents)
{
	c->busy = true;
	if (!c->ready)
		tls_conn_handshake(c);
	if (!tls_conn_dead(c) && c->ready && c->record.len &&
	    (revents & EPOLLOUT))
		tls_conn_flush(c);
	if (!tls_conn_dead(c) && c->ready && !c->paused && (revents & EPOLLIN))
		tls_conn_read(c);
	else if (!tls_conn_dead(c) &&
		 (revents & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		tls_conn_close(c);
	tls_conn_leave(c);
}

static int on_tls_conn_io(sd_event_source *src, int fd, uint32_t revents,
			  void *userdata)
{
	tls_conn_work(userdata, revents);
	return 0;
}

static int on_tls_conn_kick(sd_event_source *src, void *userdata)
{
	tls_conn_work(userdata, EPOLLIN | EPOLLOUT);
	return 0;
}

bool tls_conn_busy(const struct tls_conn *c)
{
	return c->record.len > 0;
}

/* Sent from the loop: the caller need not expect its own events in here. */
void tls_conn_write(struct tls_conn *c, const void *data, size_t n)
{
	assert(!c->record.len && n <= READ_BYTES);
	if (tls_conn_dead(c))
		return;
	buf_add(&c->record, data, n);
	if (!c->busy)
		tls_conn_arm(c);
}

void tls_conn_pause(struct tls_conn *c, bool on)
{
	if (c->paused == on)
		return;
	c->paused = on;
	if (!c->busy)
		tls_conn_arm(c);
}

void tls_conn_bye(struct tls_conn *c)
{
	if (c->closed)
		return;
	gnutls_bye(c->session, GNUTLS_SHUT_WR);
	shutdown(c->fd, SHUT_WR);
}

bool tls_conn_agreed(const struct tls_conn *c)
{
	return tls_creds_agreed(c->session, c->protocol);
}

int tls_conn_plain(struct tls_conn *c, struct error *e)
{
	struct tls_pipe_spec spec = {
		.event = c->event, .fd = take_fd(c->fd), .creds = c->creds,
		.session = take_ptr(c->session),
	};
	struct tls_pipe *pipe;
	int fd, one = 1;

	assert(c->ready && !c->record.len && !c->closed);
	/* Now: a descriptor is watched once only. */
	c->io = loop_unref(c->io);
	c->closed = true;
	setsockopt(spec.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (tls_pipe_new(&pipe, &spec, e) < 0)
		return -EIO;
	fd = tls_pipe_open(pipe, e);
	if (fd < 0)
		tls_pipe_free(pipe);
	else
		tls_pipe_detach(pipe);
	return fd;
}

int tls_conn_new(struct tls_conn **ret, sd_event *event, int fd,
		 struct tls_creds *creds, const char *protocol,
		 const struct tls_conn_events *events, void *userdata,
		 struct error *e)
{
	struct tls_conn *c = xcalloc(1, sizeof(*c));
	int r;

	c->event = event;
	c->protocol = protocol;
	c->fd = fd;
	c->events = events;
	c->userdata = userdata;
	c->creds = tls_creds_ref(creds);
	r = tls_creds_session(creds, NULL, protocol, &c->session, e);
	if (r < 0) {
		tls_conn_destroy(c);
		return r;
	}
	gnutls_transport_set_int(c->session, fd);
	/* The secret says who it is. */
	gnutls_certificate_server_set_request(c->session, GNUTLS_CERT_IGNORE);
	r = sd_event_add_io(event, &c->io, fd, EPOLLIN | EPOLLRDHUP,
			    on_tls_conn_io, c);
	if (r >= 0)
		r = sd_event_add_defer(event, &c->kick, on_tls_conn_kick, c);
	if (r < 0) {
		tls_conn_destroy(c);
		return error_ret(e, r, "watch a TLS connection");
	}
	sd_event_source_set_description(c->io, "TLS connection");
	sd_event_source_set_enabled(c->kick, SD_EVENT_OFF);
	*ret = c;
	return 0;
}
