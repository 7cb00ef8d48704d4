/*
 * tls_pipe.c - one turn moves what can be moved, both ways; then the event
 * loop is told what would help to move more.
 *
 * epoll reports a hang-up even where nothing was asked for, again and again.
 * So a plain end that was closed is read to its end at once (a socket's buffer
 * bounds that) and not watched any more.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/loop.h"
#include "http/tls_pipe.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#define RECORD_BYTES 16384
#define TURN_RECORDS 8			/* then others have their turn */
#define STALL_USEC (15 * USEC_PER_SEC)	/* the plain end is closed, none reads */
#define LINGER_USEC (3 * USEC_PER_SEC)	/* for the peer's own end */

struct tls_pipe {
	struct tls_pipe_spec spec;	/* without what was taken */
	char *host;			/* GnuTLS borrows it */
	int net, plain;
	struct tls_creds *creds;
	gnutls_session_t session;
	sd_event_source *net_io, *plain_io, *again, *timer;
	struct buf in;			/* from the peer, for the plain end */
	struct buf out;			/* the other way */
	bool ready;
	bool in_ended, in_dropped;	/* the peer's end; nobody wants it */
	bool out_ended, said_bye;
	bool over, busy, freed;
	bool detached;			/* it is nobody's */
	sd_event_source *exit;		/* then */
};

/* ---- ends ---- */

static void tls_pipe_destroy(struct tls_pipe *p)
{
	p->net_io = loop_unref(p->net_io);
	p->plain_io = loop_unref(p->plain_io);
	p->again = loop_unref(p->again);
	p->timer = loop_unref(p->timer);
	p->exit = loop_unref(p->exit);
	if (p->session)
		gnutls_deinit(p->session);
	tls_creds_unref(p->creds);
	buf_deinit(&p->in);
	buf_deinit(&p->out);
	fd_close(p->net);
	fd_close(p->plain);
	free(p->host);
	free(p);
}

struct tls_pipe *tls_pipe_free(struct tls_pipe *p)
{
	if (p && p->busy)
		p->freed = true;
	else if (p)
		tls_pipe_destroy(p);
	return NULL;
}

static bool tls_pipe_dead(const struct tls_pipe *p)
{
	return p->over || p->freed;
}

/* The descriptors go at once: the program has to see that it is over. */
static void tls_pipe_end(struct tls_pipe *p, const struct error *e)
{
	if (tls_pipe_dead(p))
		return;
	p->over = true;
	p->net_io = loop_unref(p->net_io);
	p->plain_io = loop_unref(p->plain_io);
	p->again = loop_unref(p->again);
	p->timer = loop_unref(p->timer);
	p->net = fd_close(p->net);
	p->plain = fd_close(p->plain);
	if (p->detached)
		p->freed = true;	/* whoever made it busy lets it go */
	else
		p->spec.on_end(p, e, p->spec.userdata);
}

static void tls_pipe_break(struct tls_pipe *p, int r)
{
	struct error e;

	tls_creds_fail(p->session, r, p->host ? p->host : "the client", &e);
	tls_pipe_end(p, &e);
}

static int on_tls_pipe_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct tls_pipe *p = userdata;

	p->busy = true;
	tls_pipe_end(p, NULL);
	p->busy = false;
	if (p->freed)
		tls_pipe_destroy(p);
	return 0;
}

static void tls_pipe_limit(struct tls_pipe *p, uint64_t usec)
{
	struct error e;

	if (loop_deadline(p->spec.event, &p->timer, usec, on_tls_pipe_timer, p,
			  "TLS end", &e) < 0)
		tls_pipe_end(p, &e);
}

/* ---- from the peer ---- */

static bool tls_pipe_again(int r)
{
	return r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED;
}

/* Hands n bytes to the plain end; returns how many it took. */
static size_t tls_pipe_give(struct tls_pipe *p, const char *data, size_t n)
{
	ssize_t done = send(p->plain, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (done >= 0)
		return (size_t)done;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	p->in_dropped = true;		/* it was closed */
	return n;
}

static bool tls_pipe_take_record(struct tls_pipe *p)
{
	char data[RECORD_BYTES];
	ssize_t n = gnutls_record_recv(p->session, data, sizeof(data));
	size_t given = 0;

	if (n == 0) {
		p->in_ended = true;
		if (p->plain >= 0)
			shutdown(p->plain, SHUT_WR);
		return false;
	}
	if (n < 0) {
		/* A peer that has our end may go without its own. */
		if (gnutls_error_is_fatal((int)n) && p->said_bye)
			tls_pipe_end(p, NULL);
		else if (gnutls_error_is_fatal((int)n) ||
			 n == GNUTLS_E_REHANDSHAKE)
			tls_pipe_break(p, (int)n);
		return false;
	}
	if (!p->in_dropped)
		given = tls_pipe_give(p, data, (size_t)n);
	if (!p->in_dropped && given < (size_t)n)
		buf_add(&p->in, data + given, (size_t)n - given);
	return true;
}

static void tls_pipe_pull(struct tls_pipe *p)
{
	for (int i = 0; i < TURN_RECORDS && !tls_pipe_dead(p); i++) {
		if (p->in.len)
			buf_consume(&p->in, tls_pipe_give(p, p->in.data, p->in.len));
		if (p->in.len || p->in_ended || !tls_pipe_take_record(p))
			break;
	}
	if (!p->in.len)
		buf_deinit(&p->in);	/* idle connections cost nothing */
}

/* ---- to the peer ---- */

/* false: nothing more can go now. */
static bool tls_pipe_send(struct tls_pipe *p)
{
	ssize_t n = gnutls_record_send(p->session, p->out.data, p->out.len);

	if (n < 0) {
		if (!tls_pipe_again((int)n))
			tls_pipe_break(p, (int)n);
		return false;
	}
	buf_consume(&p->out, (size_t)n);
	if (p->out_ended)
		tls_pipe_limit(p, STALL_USEC);	/* there is progress */
	return true;
}

static bool tls_pipe_read_plain(struct tls_pipe *p)
{
	ssize_t n;

	buf_reserve(&p->out, RECORD_BYTES);
	n = recv(p->plain, p->out.data + p->out.len, RECORD_BYTES, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		p->out_ended = true;
		tls_pipe_limit(p, STALL_USEC);
		return false;
	}
	p->out.len += (size_t)n;
	p->out.data[p->out.len] = '\0';
	return true;
}

static void tls_pipe_bye(struct tls_pipe *p)
{
	int r = gnutls_bye(p->session, GNUTLS_SHUT_WR);

	if (tls_pipe_again(r))
		return;
	p->said_bye = true;
	shutdown(p->net, SHUT_WR);
	tls_pipe_limit(p, LINGER_USEC);
}

static void tls_pipe_push(struct tls_pipe *p)
{
	for (int i = 0; i < TURN_RECORDS && !tls_pipe_dead(p); i++) {
		if (!p->out.len && (p->out_ended || !tls_pipe_read_plain(p)))
			break;
		if (!tls_pipe_send(p))
			break;
	}
	if (!p->out.len)
		buf_deinit(&p->out);
	if (!tls_pipe_dead(p) && p->out_ended && !p->out.len && !p->said_bye)
		tls_pipe_bye(p);
}

/* The program has closed the plain end. */
static void tls_pipe_plain_gone(struct tls_pipe *p)
{
	while (!tls_pipe_dead(p) && !p->out_ended && tls_pipe_read_plain(p))
		;
	p->in_dropped = true;
	buf_deinit(&p->in);
	p->plain_io = loop_unref(p->plain_io);
}

/* ---- turns ---- */

static uint32_t tls_pipe_net_wants(const struct tls_pipe *p)
{
	uint32_t events = 0;

	if (!p->ready)
		return gnutls_record_get_direction(p->session) ? EPOLLOUT : EPOLLIN;
	if (p->plain < 0)
		return 0;
	if (!p->in.len && !p->in_ended)
		events |= EPOLLIN;
	if (p->out.len || (p->out_ended && !p->said_bye))
		events |= EPOLLOUT;
	return events;
}

static void tls_pipe_arm(struct tls_pipe *p)
{
	sd_event_source_set_io_events(p->net_io, tls_pipe_net_wants(p));
	if (p->plain_io)
		sd_event_source_set_io_events(p->plain_io,
			(p->out.len || p->out_ended ? 0u : (uint32_t)EPOLLIN) |
			(p->in.len ? (uint32_t)EPOLLOUT : 0u));
	/* What GnuTLS has read already makes no event. */
	if (p->ready && p->plain >= 0 && !p->in.len && !p->in_ended &&
	    gnutls_record_check_pending(p->session))
		sd_event_source_set_enabled(p->again, SD_EVENT_ONESHOT);
}

static void tls_pipe_handshake(struct tls_pipe *p)
{
	int r = gnutls_handshake(p->session);

	if (r == GNUTLS_E_SUCCESS) {
		p->ready = true;
		p->spec.on_ready(p, p->spec.userdata);
	} else if (gnutls_error_is_fatal(r)) {
		/* So that a peer can say why. */
		gnutls_alert_send_appropriate(p->session, r);
		tls_pipe_break(p, r);
	} else if (!tls_pipe_again(r)) {
		sd_event_source_set_enabled(p->again, SD_EVENT_ONESHOT);
	}
}

static void tls_pipe_work(struct tls_pipe *p, bool plain_gone, bool net_gone)
{
	p->busy = true;
	if (!p->ready)
		tls_pipe_handshake(p);
	if (!tls_pipe_dead(p) && p->plain >= 0 && plain_gone)
		tls_pipe_plain_gone(p);
	if (!tls_pipe_dead(p) && p->plain >= 0) {
		tls_pipe_push(p);
		tls_pipe_pull(p);
	}
	/* Gone, and nobody reads from there to find out. */
	if (!tls_pipe_dead(p) && ((p->in_ended && p->said_bye && !p->in.len) ||
				  (net_gone && (p->in.len || p->in_ended))))
		tls_pipe_end(p, NULL);
	p->busy = false;
	if (p->freed)
		tls_pipe_destroy(p);
	else if (!p->over)
		tls_pipe_arm(p);
}

static int on_tls_pipe_net(sd_event_source *src, int fd, uint32_t revents,
			   void *userdata)
{
	tls_pipe_work(userdata, false, revents & (EPOLLHUP | EPOLLERR));
	return 0;
}

static int on_tls_pipe_plain(sd_event_source *src, int fd, uint32_t revents,
			     void *userdata)
{
	tls_pipe_work(userdata, revents & (EPOLLHUP | EPOLLERR), false);
	return 0;
}

void tls_pipe_turn(struct tls_pipe *p)
{
	if (!p->busy && !p->over)
		tls_pipe_work(p, false, false);
}

static int on_tls_pipe_again(sd_event_source *src, void *userdata)
{
	tls_pipe_work(userdata, false, false);
	return 0;
}

/* ---- life ---- */

static int tls_pipe_watch(struct tls_pipe *p, struct error *e)
{
	sd_event *event = p->spec.event;
	uint32_t first = p->host ? EPOLLOUT : EPOLLIN;
	int r = sd_event_add_io(event, &p->net_io, p->net, first,
				on_tls_pipe_net, p);

	if (r >= 0)
		r = sd_event_add_defer(event, &p->again, on_tls_pipe_again, p);
	if (r < 0)
		return error_ret(e, r, "watch a TLS connection");
	sd_event_source_set_description(p->net_io, "TLS");
	sd_event_source_set_description(p->again, "TLS again");
	sd_event_source_set_enabled(p->again, SD_EVENT_OFF);
	return 0;
}

int tls_pipe_new(struct tls_pipe **ret, const struct tls_pipe_spec *spec,
		 struct error *e)
{
	auto_(tls_pipe_free_p) struct tls_pipe *p = xcalloc(1, sizeof(*p));
	int r = 0;

	p->spec = *spec;
	p->net = spec->fd;
	p->plain = -1;
	p->host = xstrdup(spec->host);
	p->creds = tls_creds_ref(spec->creds);
	p->session = spec->session;
	p->ready = spec->session != NULL;
	if (!p->ready)
		r = tls_creds_session(p->creds, p->host, spec->protocol, &p->session,
				      e);
	if (r < 0)
		return r;
	gnutls_transport_set_int(p->session, p->net);
	r = tls_pipe_watch(p, e);
	if (r < 0)
		return r;
	*ret = take_ptr(p);
	return 0;
}

int tls_pipe_open(struct tls_pipe *p, struct error *e)
{
	int fds[2], r;

	assert(p->ready && p->plain < 0 && !p->over);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       fds) < 0)
		return error_sys(e, "create a socket pair");
	p->plain = fds[0];
	r = sd_event_add_io(p->spec.event, &p->plain_io, p->plain, EPOLLIN,
			    on_tls_pipe_plain, p);
	if (r < 0) {
		fd_close(fds[1]);
		return error_ret(e, r, "watch a TLS connection");
	}
	sd_event_source_set_description(p->plain_io, "TLS, plain");
	sd_event_source_set_enabled(p->again, SD_EVENT_ONESHOT);
	return fds[1];
}

static int on_tls_pipe_exit(sd_event_source *src, void *userdata)
{
	struct tls_pipe *p = userdata;

	p->busy = true;
	tls_pipe_push(p);		/* what was written last */
	tls_pipe_destroy(p);
	return 0;
}

void tls_pipe_detach(struct tls_pipe *p)
{
	assert(p->plain >= 0 && !p->over);
	p->detached = true;
	if (sd_event_add_exit(p->spec.event, &p->exit, on_tls_pipe_exit, p) >= 0)
		sd_event_source_set_description(p->exit, "TLS exit");
}

gnutls_session_t tls_pipe_session(const struct tls_pipe *p)
{
	return p->session;
}
