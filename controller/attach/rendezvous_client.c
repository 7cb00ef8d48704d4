/*
 * rendezvous_client.c - raw bytes on one side, frames on the other.
 */
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "controller/attach/record.h"
#include "controller/attach/rendezvous_client.h"
#include "controller/attach/tls_conn.h"

#define EOT '\x04'
#define HOLD_USEC (20 * USEC_PER_MSEC)	/* for the rest of a marked line */
/* For the client's own last byte. A person's may never come; a script's comes for
 * sure, but late where many clients share a busy machine. */
#define LINGER_USEC (300 * USEC_PER_MSEC)
#define LINGER_SCRIPT_USEC (2 * USEC_PER_SEC)

static struct rendezvous_client *client_of(struct attach_peer *p)
{
	return container_of(p, struct rendezvous_client, peer);
}

void rendezvous_client_free(struct rendezvous_client *cl)
{
	cl->rv->strangers -= cl->stranger;
	list_unlink(&cl->link);
	cl->timer = loop_unref(cl->timer);
	cl->hold = loop_unref(cl->hold);
	tls_conn_free(cl->conn);
	buf_deinit(&cl->line);
	buf_deinit(&cl->out);
	free(cl);
}

static int on_client_timer(sd_event_source *src, uint64_t usec, void *userdata);

void rendezvous_client_arm(struct rendezvous_client *cl, uint64_t usec)
{
	struct error e;

	if (loop_timer(cl->rv->event, &cl->timer, usec, on_client_timer, cl,
		       "rendezvous", &e) < 0)
		log_err("%s", e.msg);
}

/* ---- output ---- */

static void client_drain(struct rendezvous_client *cl)
{
	cl->stage = CLIENT_DRAIN;
	tls_conn_bye(cl->conn);
	rendezvous_client_arm(cl, RENDEZVOUS_DRAIN_USEC);
}

/* Everything is sent. A close before the client has written its own end of
 * input would make it fail: give it a moment. */
static void client_flushed(struct rendezvous_client *cl)
{
	cl->stage = CLIENT_LINGER;
	if (cl->heard)
		client_drain(cl);
	else
		rendezvous_client_arm(cl, cl->script ? LINGER_SCRIPT_USEC : LINGER_USEC);
}

static int on_client_hold(sd_event_source *src, uint64_t usec, void *userdata);

static void client_send(struct rendezvous_client *cl, bool hurry)
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
	struct rendezvous_client *cl = userdata;

	cl->hold = loop_unref(cl->hold);
	client_send(cl, true);
	return 0;
}

static int on_client_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct rendezvous_client *cl = userdata;

	if (cl->stage == CLIENT_LINGER)
		client_drain(cl);
	else if (cl->stage != CLIENT_ATTACHED)
		rendezvous_client_free(cl);
	return 0;
}

/* ---- the peer's operations ---- */

static void client_peer_send(struct attach_peer *p, char type, const void *data,
			     size_t n)
{
	struct rendezvous_client *cl = client_of(p);

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
	return container_of((struct attach_peer *)(uintptr_t)p,
			    struct rendezvous_client, peer)->out.len;
}

static void client_peer_finish(struct attach_peer *p)
{
	struct rendezvous_client *cl = client_of(p);

	cl->stage = CLIENT_FLUSH;
	tls_conn_pause(cl->conn, false);
	/* A client that reads nothing does not stay for ever. */
	rendezvous_client_arm(cl, RENDEZVOUS_DRAIN_USEC);
	client_send(cl, true);
}

static void client_peer_free(struct attach_peer *p)
{
	rendezvous_client_free(client_of(p));
}

static const struct attach_peer_ops client_ops = {
	.send = client_peer_send,
	.pause = client_peer_pause,
	.backlog = client_peer_backlog,
	.finish = client_peer_finish,
	.free = client_peer_free,
};

/* ---- input ---- */

static void client_frame(struct rendezvous_client *cl, char type, const char *data,
			 size_t n)
{
	cl->peer.events->on_frame(&cl->peer, type, data, n, cl->peer.userdata);
}

/* Without a terminal the client says "end of input" by a last EOT. */
static void client_input(struct rendezvous_client *cl, const char *data, size_t n)
{
	bool end = !cl->tty && n && data[n - 1] == EOT;

	n -= end;
	if (n)
		client_frame(cl, 'I', data, n);
	if (end && cl->stage == CLIENT_ATTACHED)
		client_frame(cl, 'E', NULL, 0);
}

/* ---- its connection ---- */

void rendezvous_client_data(struct rendezvous_client *cl, const void *data, size_t n)
{
	switch (cl->stage) {
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
	case CLIENT_SECRET:
	case CLIENT_DRAIN:
		break;
	}
}

void rendezvous_client_written(struct rendezvous_client *cl)
{
	cl->greeted = true;
	if (!cl->out.len && cl->stage == CLIENT_ATTACHED)
		cl->peer.events->on_drained(&cl->peer, cl->peer.userdata);
	else
		client_send(cl, false);
}

void rendezvous_client_closed(struct rendezvous_client *cl)
{
	if (cl->stage == CLIENT_ATTACHED)
		cl->peer.events->on_lost(&cl->peer, cl->peer.userdata);
	else
		rendezvous_client_free(cl);
}

/* ---- after the secret ---- */

void rendezvous_client_attach(struct rendezvous_client *cl,
			      const struct attach_ticket *ticket)
{
	struct attach_hub *hub = cl->rv->hub;

	cl->rv->strangers--;
	cl->stranger = false;
	cl->stage = CLIENT_ATTACHED;
	cl->timer = loop_unref(cl->timer);
	cl->tty = ticket->tty;
	cl->script = !ticket->rows;
	cl->peer = (struct attach_peer){ &client_ops, &attach_client_events, hub };
	/* A record of its own: the client throws the first one away. */
	tls_conn_write(cl->conn, RENDEZVOUS_HELLO, strlen(RENDEZVOUS_HELLO));
	attach_join_client(hub, ticket, &cl->peer);
}

void rendezvous_client_refuse(struct rendezvous_client *cl, const char *line)
{
	cl->stage = CLIENT_FLUSH;
	cl->heard = true;		/* it waits for our end alone */
	rendezvous_client_arm(cl, RENDEZVOUS_DRAIN_USEC);
	tls_conn_write(cl->conn, line, strlen(line));
}
