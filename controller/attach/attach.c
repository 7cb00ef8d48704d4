/*
 * attach.c - sessions: client, host, and what happens when one is missing.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "controller/api/api_handlers.h"
#include "controller/attach/attach.h"
#include "controller/model/change.h"
#include "controller/engine.h"
#include "controller/attach/frame_peer.h"
#include "controller/model/hosts.h"
#include "controller/model/outcome.h"

#include <stdio.h>

#define PROTOCOL "dyno-attach/1"
#define SECRET_MAX 128
#define CLIENT_TYPES "IEWS"
#define HOST_TYPES "RODXF"

struct attach_hub {
	sd_event *event;		/* borrowed */
	struct engine *g;		/* borrowed */
	struct list sessions;
};

struct session {
	struct list link;
	struct attach_hub *hub;
	char dyno[UUID_TEXT_MAX];
	struct attach_peer *client, *host;
	bool coming;			/* a client has shown the secret */
	bool had_client;		/* one has come, perhaps it has left */
	uint16_t rows, cols;
	uint64_t active;		/* monotonic: last byte either way */
	sd_event_source *timer;		/* the client waits for the host */
};

int attach_hub_new(struct attach_hub **ret, sd_event *event, struct engine *g,
		   struct error *e)
{
	struct attach_hub *hub = xcalloc(1, sizeof(*hub));

	hub->event = event;
	hub->g = g;
	list_init(&hub->sessions);
	*ret = hub;
	return 0;
}

static void session_free(struct session *s)
{
	list_unlink(&s->link);
	s->timer = loop_unref(s->timer);
	attach_peer_free(s->client);
	attach_peer_free(s->host);
	free(s);
}

struct attach_hub *attach_hub_free(struct attach_hub *hub)
{
	struct session *s, *tmp;

	if (!hub)
		return NULL;
	list_for_each_safe(s, tmp, &hub->sessions, link)
		session_free(s);
	free(hub);
	return NULL;
}

static struct session *session_find(struct attach_hub *hub, const char *dyno)
{
	struct session *s;

	list_for_each(s, &hub->sessions, link)
		if (str_eq(s->dyno, dyno))
			return s;
	return NULL;
}

static struct session *session_of(struct attach_hub *hub,
				  const struct attach_peer *p)
{
	struct session *s;

	list_for_each(s, &hub->sessions, link)
		if (s->client == p || s->host == p)
			return s;
	return NULL;
}

static struct session *session_get(struct attach_hub *hub, const char *dyno)
{
	struct session *s = session_find(hub, dyno);

	if (s)
		return s;
	s = xcalloc(1, sizeof(*s));
	s->hub = hub;
	snprintf(s->dyno, sizeof(s->dyno), "%s", dyno);
	s->active = clock_mono_usec();
	list_add_tail(&hub->sessions, &s->link);
	return s;
}

/* ---- one end is missing ---- */

static void session_end(struct session *s)
{
	if (s->client)
		attach_peer_finish(take_ptr(s->client));
	if (s->host)
		attach_peer_finish(take_ptr(s->host));
	session_free(s);
}

static void session_fail(struct session *s, const char *sentence)
{
	if (s->client)
		attach_peer_send(s->client, 'F', sentence, strlen(sentence));
	session_end(s);
}

static int on_session_timeout(sd_event_source *src, uint64_t usec, void *userdata)
{
	session_fail(userdata, "the dyno's host cannot be reached");
	return 0;
}

static void session_wait_for_host(struct session *s)
{
	struct error e;

	if (loop_timer(s->hub->event, &s->timer, ATTACH_WAIT_USEC,
		       on_session_timeout, s, "attach waits for the host",
		       &e) < 0) {
		log_err("%s", e.msg);
		session_fail(s, "internal error");
	}
}

/* Both are here: the dyno may start, or go on. */
static void session_joined(struct session *s)
{
	const unsigned char size[4] = {
		(unsigned char)(s->rows >> 8), (unsigned char)s->rows,
		(unsigned char)(s->cols >> 8), (unsigned char)s->cols,
	};

	s->timer = loop_unref(s->timer);
	attach_peer_send(s->host, 'C', size, sizeof(size));
	attach_peer_pause(s->client, false);
}

static void session_flow(struct attach_peer *to, struct attach_peer *from)
{
	if (to && from)
		attach_peer_pause(from,
				  attach_peer_backlog(to) > ATTACH_BACKLOG_MAX);
}

/* ---- the client's events ---- */

static void on_client_frame(struct attach_peer *p, char type, const void *data,
			    size_t n, void *userdata)
{
	struct session *s = session_of(userdata, p);
	const unsigned char *size = data;

	if (!s || !s->host)
		return;		/* only when the host was lost just now */
	s->active = clock_mono_usec();
	if (type == 'W' && n == 4) {
		s->rows = (uint16_t)(size[0] << 8 | size[1]);
		s->cols = (uint16_t)(size[2] << 8 | size[3]);
	}
	attach_peer_send(s->host, type, data, n);
	session_flow(s->host, s->client);
}

static void on_client_drained(struct attach_peer *p, void *userdata)
{
	struct session *s = session_of(userdata, p);

	if (s)
		session_flow(s->client, s->host);
}

/* The host hears of it, and the dyno's last words are read and dropped. */
static void on_client_lost(struct attach_peer *p, void *userdata)
{
	struct session *s = session_of(userdata, p);

	if (!s)
		return;
	s->client = attach_peer_free(s->client);
	if (!s->host) {
		session_free(s);
		return;
	}
	attach_peer_send(s->host, 'H', NULL, 0);
	attach_peer_pause(s->host, false);
}

const struct attach_peer_events attach_client_events = {
	.on_frame = on_client_frame,
	.on_drained = on_client_drained,
	.on_lost = on_client_lost,
};

/* ---- the host's events ---- */

static void on_host_frame(struct attach_peer *p, char type, const void *data,
			  size_t n, void *userdata)
{
	struct session *s = session_of(userdata, p);

	if (!s)
		return;
	s->active = clock_mono_usec();
	if (s->client)
		attach_peer_send(s->client, type, data, n);
	if (type == 'X' || type == 'F')
		session_end(s);
	else
		session_flow(s->client, s->host);
}

static void on_host_drained(struct attach_peer *p, void *userdata)
{
	struct session *s = session_of(userdata, p);

	if (s)
		session_flow(s->host, s->client);
}

static void on_host_lost(struct attach_peer *p, void *userdata)
{
	struct session *s = session_of(userdata, p);

	if (!s)
		return;
	s->host = attach_peer_free(s->host);
	if (!s->client) {
		session_free(s);
		return;
	}
	attach_peer_pause(s->client, true);
	session_wait_for_host(s);
}

static const struct attach_peer_events host_events = {
	.on_frame = on_host_frame,
	.on_drained = on_host_drained,
	.on_lost = on_host_lost,
};

/* ---- clients come ---- */

static int attach_spend(struct attach_hub *hub, const struct doc *link,
			struct error *e)
{
	auto_change c = change_begin(hub->g);

	change_expect(&c, link);
	change_delete(&c, "%s", link->key);
	return change_commit(&c, e);
}

int attach_redeem(struct attach_hub *hub, const char *secret,
		  struct attach_ticket *ret, struct error *e)
{
	auto_doc link = DOC_INIT, dyno = DOC_INIT;
	size_t n = strlen(secret);
	const json_t *attach;
	int r = STATE_ABSENT;

	if (n < SECRET_MAX && strspn(secret, "0123456789abcdef") == n)
		r = doc_get(hub->g->state, &link, e, "/attach/%s", secret);
	if (r == 0)
		r = doc_get(hub->g->state, &dyno, e, "/apps/%s/dynos/%s",
			    json_str(link.j, "app"), json_str(link.j, "dyno"));
	if (r == STATE_ABSENT)
		return outcome_set(e, OUTCOME_NOT_FOUND, "There is no dyno to attach "
				   "to, or it has a client already.");
	if (r == 0)
		r = attach_spend(hub, &link, e);
	if (r != 0)
		return r;
	attach = json_object_get(dyno.j, "attach");
	snprintf(ret->dyno, sizeof(ret->dyno), "%s", json_str(dyno.j, "id"));
	ret->tty = json_flag(attach, "tty", true);
	ret->rows = (uint16_t)json_int(attach, "rows", 0);
	ret->cols = (uint16_t)json_int(attach, "cols", 0);
	/* From here on a host that asks is told to stay. */
	session_get(hub, ret->dyno)->coming = true;
	return 0;
}

void attach_give_up(struct attach_hub *hub, const struct attach_ticket *ticket)
{
	struct session *s = session_find(hub, ticket->dyno);

	if (!s || !s->coming)
		return;
	s->coming = false;
	s->had_client = true;
	if (s->host)
		attach_peer_send(s->host, 'H', NULL, 0);
	else
		session_free(s);
}

void attach_join_client(struct attach_hub *hub,
			const struct attach_ticket *ticket,
			struct attach_peer *client)
{
	struct session *s = session_get(hub, ticket->dyno);

	attach_peer_free(s->client);	/* cannot be: the secret works once */
	s->client = client;
	s->coming = false;
	s->had_client = true;
	s->rows = ticket->rows;
	s->cols = ticket->cols;
	if (s->host) {
		session_joined(s);
		return;
	}
	attach_peer_pause(client, true);
	session_wait_for_host(s);
}

struct attach_arrival {			/* an upgrade on its way */
	struct attach_hub *hub;
	struct attach_ticket ticket;
};

static void on_client_arrival_gone(struct http_request *req, void *userdata)
{
	auto_free struct attach_arrival *a = userdata;

	attach_give_up(a->hub, &a->ticket);
}

static void on_host_arrival_gone(struct http_request *req, void *userdata)
{
	free(userdata);
}

static void on_client_open(int fd, const void *early, size_t n_early,
			   void *userdata)
{
	auto_free struct attach_arrival *a = userdata;
	struct attach_peer *peer;
	struct error e;

	if (frame_peer_new(&peer, a->hub->event, fd, early, n_early, CLIENT_TYPES,
			   false, &attach_client_events, a->hub, &e) < 0) {
		log_err("%s", e.msg);
		attach_give_up(a->hub, &a->ticket);
	} else {
		attach_join_client(a->hub, &a->ticket, peer);
	}
}

static bool attach_is_upgrade(struct http_request *req)
{
	const char *upgrade = http_request_header(req, "Upgrade");

	return upgrade && str_eq(upgrade, PROTOCOL);
}

static void attach_upgrade(struct http_request *req, struct attach_arrival *a,
			   void (*on_open)(int, const void *, size_t, void *),
			   void (*on_gone)(struct http_request *, void *))
{
	struct attach_arrival *copy = xmemdup(a, sizeof(*a));

	http_request_on_gone(req, on_gone, copy);
	http_upgrade(req, PROTOCOL, on_open, copy);
}

void attach_client(struct http_request *req, void *userdata)
{
	struct controller *c = userdata;
	struct attach_arrival a = { .hub = c->attach };
	struct error e;
	int r;

	if (!attach_is_upgrade(req)) {	/* does not use the secret up */
		http_upgrade(req, PROTOCOL, on_client_open, NULL);
		return;
	}
	r = attach_redeem(c->attach, http_request_param(req, "secret"), &a.ticket,
			  &e);
	if (r != 0)
		api_refuse(req, r, &e);
	else
		attach_upgrade(req, &a, on_client_open, on_client_arrival_gone);
}

/* ---- hosts come ---- */

static void on_host_open(int fd, const void *early, size_t n_early,
			 void *userdata)
{
	auto_free struct attach_arrival *a = userdata;
	struct session *s;
	struct attach_peer *peer;
	struct error e;

	if (frame_peer_new(&peer, a->hub->event, fd, early, n_early, HOST_TYPES,
			   true, &host_events, a->hub, &e) < 0) {
		log_err("%s", e.msg);
		return;
	}
	s = session_get(a->hub, a->ticket.dyno);
	attach_peer_free(s->host);	/* a new stream replaces the old one */
	s->host = peer;
	if (s->client)
		session_joined(s);
	else if (s->had_client)
		attach_peer_send(s->host, 'H', NULL, 0);
}

/* A client is here, or may still come: its secret is unused. */
static int attach_expected(struct attach_hub *hub, const char *app,
			   const char *dyno, struct error *e)
{
	struct session *s = session_find(hub, dyno);
	auto_doc doc = DOC_INIT, link = DOC_INIT;
	int r = 0;

	if (s && (s->client || s->coming))
		return 0;
	r = doc_get(hub->g->state, &doc, e, "/apps/%s/dynos/%s", app, dyno);
	if (r == 0)
		r = json_str(doc.j, "secret") && !(s && s->had_client)
			? doc_get(hub->g->state, &link, e, "/attach/%s",
				  json_str(doc.j, "secret"))
			: STATE_ABSENT;
	if (r == STATE_ABSENT)
		return outcome_set(e, OUTCOME_NOT_FOUND,
				   "The client is gone and will not come back.");
	return r;
}

static int host_attach_call(struct api_call *call, struct error *e)
{
	struct attach_arrival a = { .hub = call->c->attach };
	const char *dyno = http_request_param(call->req, "dyno");
	char app[40];
	int r = hosts_app_of(call->c->engine,
			     http_request_param(call->req, "host"), dyno, app, e);

	if (r == 0)
		r = attach_expected(call->c->attach, app, dyno, e);
	if (r != 0)
		return r;
	snprintf(a.ticket.dyno, sizeof(a.ticket.dyno), "%s", dyno);
	call->taken = true;
	attach_upgrade(call->req, &a, on_host_open, on_host_arrival_gone);
	return 0;
}

API_HANDLER(upstream_attach, host_attach_call, 0)

void attach_tick(struct attach_hub *hub, uint64_t now)
{
	struct session *s, *tmp;

	list_for_each_safe(s, tmp, &hub->sessions, link)
		if (s->client && s->host && now > s->active + ATTACH_IDLE_USEC) {
			attach_peer_finish(take_ptr(s->client));
			attach_peer_send(s->host, 'H', NULL, 0);
			attach_peer_pause(s->host, false);
		}
}
