/*
 * rendezvous.c - from a stranger to an attached client.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "controller/attach/attach.h"
#include "controller/attach/record.h"
#include "controller/attach/rendezvous.h"
#include "controller/attach/tls_conn.h"
#include "http/tls_identity.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#define SECRET_LINE_MAX 256
#define EOT '\x04'
#define HOLD_USEC (20 * USEC_PER_MSEC)	/* for the rest of a marked line */
/* For the client's own last byte. A person's may never come; a script's comes for
 * sure, but late where many clients share a busy machine. */
#define LINGER_USEC (300 * USEC_PER_MSEC)
#define LINGER_SCRIPT_USEC (2 * USEC_PER_SEC)
#define DRAIN_USEC (5 * USEC_PER_SEC)

struct rendezvous {
	sd_event *event;		/* borrowed */
	struct attach_hub *hub;		/* borrowed */
	int listen_fd;
	sd_event_source *accept;
	struct tls_identity *id;	/* borrowed */
	struct list clients;
	size_t strangers;
};

enum client_stage {
	CLIENT_SECRET,			/* handshake, then the secret's line */
	CLIENT_ATTACHED,
	CLIENT_FLUSH,			/* the dyno has ended: send what waits, */
	CLIENT_LINGER,			/* wait for a sign of the client, */
	CLIENT_DRAIN,			/* read until it closes */
};

struct client {
	struct attach_peer peer;	/* when attached */
	struct list link;
	struct rendezvous *rv;
	struct tls_conn *conn;
	enum client_stage stage;
	sd_event_source *timer;		/* of the stage */
	sd_event_source *hold;		/* a marked line is not complete */
	struct buf line, out;
	bool tty;
	bool script;			/* it knows no window: it prints to no terminal */
	bool heard;			/* it has sent something since */
	bool greeted;			/* "rendezvous" has left */
};

static struct client *client_of(struct attach_peer *p)
{
	return container_of(p, struct client, peer);
}

static void client_free(struct client *cl)
{
	if (cl->stage == CLIENT_SECRET)
		cl->rv->strangers--;
	list_unlink(&cl->link);
	cl->timer = loop_unref(cl->timer);
	cl->hold = loop_unref(cl->hold);
	tls_conn_free(cl->conn);
	buf_deinit(&cl->line);
	buf_deinit(&cl->out);
	free(cl);
}

static int on_client_timer(sd_event_source *src, uint64_t usec, void *userdata);

static void client_arm(struct client *cl, uint64_t usec)
{
	struct error e;

	if (loop_timer(cl->rv->event, &cl->timer, usec, on_client_timer, cl,
		       "rendezvous", &e) < 0)
		log_err("%s", e.msg);
}

/* ---- output ---- */

static void client_drain(struct client *cl)
{
	cl->stage = CLIENT_DRAIN;
	tls_conn_bye(cl->conn);
	client_arm(cl, DRAIN_USEC);
}

/* Everything is sent. A close before the client has written its own end of
 * input would make it fail: give it a moment. */
static void client_flushed(struct client *cl)
{
	cl->stage = CLIENT_LINGER;
	if (cl->heard)
		client_drain(cl);
	else
		client_arm(cl, cl->script ? LINGER_SCRIPT_USEC : LINGER_USEC);
}

static int on_client_hold(sd_event_source *src, uint64_t usec, void *userdata);

static void client_send(struct client *cl, bool hurry)
{
	struct error e;
	size_t n;

	if (!cl->greeted || tls_conn_busy(cl->conn))
		return;
	if (!cl->out.len) {
		if (cl->stage == CLIENT_FLUSH)
			client_flushed(cl);
		return;
	}
	n = record_cut(cl->out.data, cl->out.len,
		       hurry || cl->stage == CLIENT_FLUSH);
	if (n) {
		cl->hold = loop_unref(cl->hold);
		tls_conn_write(cl->conn, cl->out.data, n);
		buf_consume(&cl->out, n);
	} else if (!cl->hold && loop_timer(cl->rv->event, &cl->hold, HOLD_USEC,
					   on_client_hold, cl, "rendezvous hold",
					   &e) < 0) {
		log_err("%s", e.msg);
	}
}

static int on_client_hold(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct client *cl = userdata;

	cl->hold = loop_unref(cl->hold);
	client_send(cl, true);
	return 0;
}

static int on_client_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct client *cl = userdata;

	if (cl->stage == CLIENT_LINGER)
		client_drain(cl);
	else if (cl->stage != CLIENT_ATTACHED)
		client_free(cl);
	return 0;
}

/* ---- the peer's operations ---- */

static void client_peer_send(struct attach_peer *p, char type, const void *data,
			     size_t n)
{
	struct client *cl = client_of(p);

	if (type == 'F')
		buf_addf(&cl->out, " !    %.*s\r\n", (int)n, (const char *)data);
	if (type == 'O' || type == 'D')
		buf_add(&cl->out, data, n);
	client_send(cl, false);
}

static void client_peer_pause(struct attach_peer *p, bool on)
{
	tls_conn_pause(client_of(p)->conn, on);
}

static size_t client_peer_backlog(const struct attach_peer *p)
{
	return container_of((struct attach_peer *)(uintptr_t)p, struct client,
			    peer)->out.len;
}

static void client_peer_finish(struct attach_peer *p)
{
	struct client *cl = client_of(p);

	cl->stage = CLIENT_FLUSH;
	tls_conn_pause(cl->conn, false);
	/* A client that reads nothing does not stay for ever. */
	client_arm(cl, DRAIN_USEC);
	client_send(cl, true);
}

static void client_peer_free(struct attach_peer *p)
{
	client_free(client_of(p));
}

static const struct attach_peer_ops client_ops = {
	.send = client_peer_send,
	.pause = client_peer_pause,
	.backlog = client_peer_backlog,
	.finish = client_peer_finish,
	.free = client_peer_free,
};

/* ---- input ---- */

static void client_frame(struct client *cl, char type, const char *data, size_t n)
{
	cl->peer.events->on_frame(&cl->peer, type, data, n, cl->peer.userdata);
}

/* Without a terminal the client says "end of input" by a last EOT. */
static void client_input(struct client *cl, const char *data, size_t n)
{
	bool end = !cl->tty && n && data[n - 1] == EOT;

	n -= end;
	if (n)
		client_frame(cl, 'I', data, n);
	if (end && cl->stage == CLIENT_ATTACHED)
		client_frame(cl, 'E', NULL, 0);
}

static void client_attach(struct client *cl)
{
	static const char hello[] = "rendezvous\r\n";
	struct attach_ticket ticket;
	struct error e;

	cl->line.data[strcspn(cl->line.data, "\r\n")] = '\0';
	if (attach_redeem(cl->rv->hub, cl->line.data, false, &ticket,
			  &e) != 0) {
		client_free(cl);	/* the protocol has no words for it */
		return;
	}
	cl->rv->strangers--;
	cl->stage = CLIENT_ATTACHED;
	cl->timer = loop_unref(cl->timer);
	cl->tty = ticket.tty;
	cl->script = !ticket.rows;
	cl->peer = (struct attach_peer){ &client_ops, &attach_client_events,
					 cl->rv->hub };
	/* A record of its own: the client throws the first one away. */
	tls_conn_write(cl->conn, hello, sizeof(hello) - 1);
	attach_join_client(cl->rv->hub, &ticket, &cl->peer);
}

static void on_client_data(struct tls_conn *conn, const void *data, size_t n,
			   void *userdata)
{
	struct client *cl = userdata;

	switch (cl->stage) {
	case CLIENT_SECRET:
		buf_add(&cl->line, data, n);
		if (memchr(cl->line.data, '\n', cl->line.len))
			client_attach(cl);
		else if (cl->line.len > SECRET_LINE_MAX)
			client_free(cl);
		break;
	case CLIENT_ATTACHED:
		cl->heard = true;
		client_input(cl, data, n);
		break;
	case CLIENT_FLUSH:
		cl->heard = true;
		break;
	case CLIENT_LINGER:
		client_drain(cl);
		break;
	case CLIENT_DRAIN:
		break;
	}
}

static void on_client_written(struct tls_conn *conn, void *userdata)
{
	struct client *cl = userdata;

	cl->greeted = true;
	if (!cl->out.len && cl->stage == CLIENT_ATTACHED)
		cl->peer.events->on_drained(&cl->peer, cl->peer.userdata);
	else
		client_send(cl, false);
}

static void on_client_closed(struct tls_conn *conn, void *userdata)
{
	struct client *cl = userdata;

	if (cl->stage == CLIENT_ATTACHED)
		cl->peer.events->on_lost(&cl->peer, cl->peer.userdata);
	else
		client_free(cl);
}

static void on_client_ready(struct tls_conn *conn, void *userdata)
{
	/* The secret comes next, by itself. */
}

static const struct tls_conn_events client_events = {
	.on_ready = on_client_ready,
	.on_data = on_client_data,
	.on_written = on_client_written,
	.on_closed = on_client_closed,
};

/* ---- strangers come ---- */

static int client_new(struct rendezvous *rv, int fd, struct error *e)
{
	auto_(tls_creds_unref_p) struct tls_creds *creds =
		tls_identity_creds(rv->id);
	struct client *cl = xcalloc(1, sizeof(*cl));

	cl->rv = rv;
	list_add_tail(&rv->clients, &cl->link);
	rv->strangers++;
	if (tls_conn_new(&cl->conn, rv->event, fd, creds, &client_events, cl,
			 e) < 0) {
		client_free(cl);
		return -EIO;
	}
	client_arm(cl, RENDEZVOUS_SECRET_SEC * USEC_PER_SEC);
	return 0;
}

static int on_rendezvous_accept(sd_event_source *src, int listen_fd,
				uint32_t revents, void *userdata)
{
	struct rendezvous *rv = userdata;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct error e;

	if (fd < 0)
		return 0;
	if (rv->strangers >= RENDEZVOUS_STRANGERS_MAX)
		fd_close(fd);
	else if (client_new(rv, fd, &e) < 0)
		log_err("rendezvous: %s", e.msg);
	return 0;
}

int rendezvous_new(struct rendezvous **ret, sd_event *event, int listen_fd,
		   struct attach_hub *hub, struct tls_identity *id,
		   struct error *e)
{
	struct rendezvous *rv = xcalloc(1, sizeof(*rv));
	int r;

	rv->event = event;
	rv->hub = hub;
	rv->listen_fd = listen_fd;
	list_init(&rv->clients);
	rv->id = id;
	r = sd_event_add_io(event, &rv->accept, listen_fd, EPOLLIN,
			    on_rendezvous_accept, rv);
	if (r < 0) {
		rendezvous_free(rv);
		return error_ret(e, r, "watch the rendezvous port");
	}
	sd_event_source_set_description(rv->accept, "rendezvous port");
	*ret = rv;
	return 0;
}

struct rendezvous *rendezvous_free(struct rendezvous *rv)
{
	struct client *cl, *tmp;

	if (!rv)
		return NULL;
	list_for_each_safe(cl, tmp, &rv->clients, link)
		client_free(cl);
	rv->accept = loop_unref(rv->accept);
	fd_close(rv->listen_fd);
	free(rv);
	return NULL;
}
