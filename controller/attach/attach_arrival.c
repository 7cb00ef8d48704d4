/*
 * attach_arrival.c - who comes to a session: clients with a secret, hosts with
 * a dyno. A client of the newer protocol may come again with the secret it has
 * used, as long as its session, or the memory of it, lives.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "controller/api/api_handlers.h"
#include "controller/attach/attach_sessions.h"
#include "controller/attach/frame_peer.h"
#include "controller/engine.h"
#include "controller/model/change.h"
#include "controller/model/hosts.h"
#include "controller/model/outcome.h"

#include <stdio.h>

static const struct dialect {
	const char *protocol;
	const char *client_types, *host_types;
	bool again;
} dialects[] = {
	{ ATTACH_PROTOCOL, "IEWSJKH", "RODXFJK", true },
	{ "dyno-attach/1", "IEWS", "RODXF", false },
};

/* The one that is asked for; NULL: none of ours. */
static const struct dialect *dialect_of(struct http_request *req)
{
	const char *upgrade = http_request_header(req, "Upgrade");

	for (size_t i = 0; upgrade && i < ARRAY_SIZE(dialects); i++)
		if (str_eq(upgrade, dialects[i].protocol))
			return &dialects[i];
	return NULL;
}

/* ---- secrets ---- */

/* A secret works once; that of a client which may come again is marked. */
static int arrival_spend(struct attach_hub *hub, struct doc *link, bool again,
			 struct error *e)
{
	auto_change c = change_begin(hub->g);

	change_expect(&c, link);
	json_object_set_new(link->j, "spent", json_true());
	if (again)
		change_put(&c, link->j, "%s", link->key);
	else
		change_delete(&c, "%s", link->key);
	return change_commit(&c, e);
}

/* Sessions that this process cannot know may still come together again. */
static bool arrival_is_young(const struct attach_hub *hub)
{
	return clock_mono_usec() < hub->born + ATTACH_WAIT_USEC;
}

static int arrival_link(struct attach_hub *hub, struct doc *link, bool again,
			struct attach_ticket *ret, struct error *e)
{
	auto_doc dyno = DOC_INIT;
	const json_t *attach;
	int r = doc_get(hub->g->state, &dyno, e, "/apps/%s/dynos/%s",
			json_str(link->j, "app"), json_str(link->j, "dyno"));

	if (r != 0)
		return r;
	if (!json_flag(link->j, "spent", false))
		r = arrival_spend(hub, link, again, e);
	else if (!again || (!session_find(hub, json_str(dyno.j, "id")) &&
			    !arrival_is_young(hub)))
		r = STATE_ABSENT;
	if (r != 0)
		return r;
	attach = json_object_get(dyno.j, "attach");
	snprintf(ret->dyno, sizeof(ret->dyno), "%s", json_str(dyno.j, "id"));
	ret->tty = json_flag(attach, "tty", true);
	ret->rows = (uint16_t)json_int(attach, "rows", 0);
	ret->cols = (uint16_t)json_int(attach, "cols", 0);
	return 0;
}

/* The dyno may be over and forgotten, and its last words wait for the client. */
static bool arrival_session(struct attach_hub *hub, const char *secret,
			    struct attach_ticket *ret)
{
	const struct session *s;

	list_for_each(s, &hub->sessions, link)
		if (s->ticket.again && id_secret_eq(s->ticket.secret, secret)) {
			*ret = s->ticket;
			return true;
		}
	return false;
}

int attach_redeem(struct attach_hub *hub, const char *secret, bool again,
		  struct attach_ticket *ret, struct error *e)
{
	auto_doc link = DOC_INIT;
	size_t n = strlen(secret);
	int r = STATE_ABSENT;

	*ret = (struct attach_ticket){ .again = again };
	if (n >= sizeof(ret->secret) || strspn(secret, "0123456789abcdef") != n)
		n = 0;
	if (n && again && arrival_session(hub, secret, ret))
		r = 0;
	else if (n && (r = doc_get(hub->g->state, &link, e, "/attach/%s",
				   secret)) == 0)
		r = arrival_link(hub, &link, again, ret, e);
	if (r == STATE_ABSENT)
		return outcome_set(e, OUTCOME_NOT_FOUND, "There is no dyno to attach "
				   "to, or it has a client already.");
	if (r != 0)
		return r;
	snprintf(ret->secret, sizeof(ret->secret), "%s", secret);
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
	if (!s->client)
		session_lost_client(s, !ticket->again || ticket->local);
}

void attach_join_stream(struct attach_hub *hub, const struct attach_ticket *ticket,
			int fd, const void *early, size_t n_early)
{
	const struct dialect *d = &dialects[ticket->again ? 0 : 1];
	struct attach_peer *peer;
	struct error e;

	assert(d->again == ticket->again);
	if (frame_peer_new(&peer, hub->event, fd, early, n_early, d->client_types,
			   false, &attach_client_events, hub, &e) < 0) {
		log_err("%s", e.msg);
		attach_give_up(hub, ticket);
	} else {
		attach_join_client(hub, ticket, peer);
	}
}

/* ---- upgrades ---- */

struct attach_arrival {			/* on its way */
	struct attach_hub *hub;
	const struct dialect *dialect;
	struct attach_ticket ticket;
};

static void on_client_arrival_gone(struct http_request *req, void *userdata)
{
	auto_free struct attach_arrival *a = userdata;

	attach_give_up(a->hub, &a->ticket);
}

static void on_host_arrival_gone(struct http_request *req, void *userdata)
{
	auto_free struct attach_arrival *a = userdata;
	struct session *s = session_find(a->hub, a->ticket.dyno);

	if (s && !s->host && !s->client && !s->coming && !s->timer)
		session_free(s);
}

static void on_client_open(int fd, const void *early, size_t n_early,
			   void *userdata)
{
	auto_free struct attach_arrival *a = userdata;

	attach_join_stream(a->hub, &a->ticket, fd, early, n_early);
}

static void on_host_open(int fd, const void *early, size_t n_early,
			 void *userdata)
{
	auto_free struct attach_arrival *a = userdata;
	struct attach_peer *peer;
	struct error e;

	if (frame_peer_new(&peer, a->hub->event, fd, early, n_early,
			   a->dialect->host_types, true, &session_host_events,
			   a->hub, &e) < 0)
		log_err("%s", e.msg);
	else
		session_join_host(session_get(a->hub, a->ticket.dyno), peer,
				  a->dialect->again);
}

static void attach_upgrade(struct http_request *req, struct attach_arrival *a,
			   void (*on_open)(int, const void *, size_t, void *),
			   void (*on_gone)(struct http_request *, void *))
{
	struct attach_arrival *copy = xmemdup(a, sizeof(*a));

	http_request_on_gone(req, on_gone, copy);
	http_upgrade(req, a->dialect->protocol, on_open, copy);
}

/* No words of ours: 426 names the newest. Does not use a secret up. */
static void attach_refuse(struct http_request *req)
{
	http_upgrade(req, dialects[0].protocol, NULL, NULL);
}

void attach_client(struct http_request *req, void *userdata)
{
	struct controller *c = userdata;
	struct attach_arrival a = { .hub = c->attach, .dialect = dialect_of(req) };
	struct error e;
	int r;

	if (!a.dialect) {
		attach_refuse(req);
		return;
	}
	r = attach_redeem(c->attach, http_request_param(req, "secret"),
			  a.dialect->again, &a.ticket, &e);
	a.ticket.local = http_request_peer(req, NULL);
	if (r != 0)
		api_refuse(req, r, &e);
	else
		attach_upgrade(req, &a, on_client_open, on_client_arrival_gone);
}

/* A client is here, or may still come: its secret is unused, or it may come again. */
static int arrival_expected(struct attach_hub *hub, const char *app,
			    const char *dyno, struct error *e)
{
	struct session *s = session_find(hub, dyno);
	auto_doc doc = DOC_INIT, link = DOC_INIT;
	int r = 0;

	if (s && (s->client || s->coming || s->timer))
		return 0;
	r = doc_get(hub->g->state, &doc, e, "/apps/%s/dynos/%s", app, dyno);
	if (r == 0)
		r = json_str(doc.j, "secret") &&
		    !(s && s->had_client && !s->ticket.again)
			? doc_get(hub->g->state, &link, e, "/attach/%s",
				  json_str(doc.j, "secret"))
			: STATE_ABSENT;
	if (r == 0 && json_flag(link.j, "spent", false)) {
		if (!arrival_is_young(hub))
			r = STATE_ABSENT;
		else
			session_get(hub, dyno)->had_client = true;
	}
	if (r == STATE_ABSENT)
		return outcome_set(e, OUTCOME_NOT_FOUND,
				   "The client is gone and will not come back.");
	if (r == 0 && (s = session_find(hub, dyno)) && s->had_client)
		s->ticket.again = true;
	return r;
}

static int host_attach_call(struct api_call *call, struct error *e)
{
	struct attach_arrival a = { .hub = call->c->attach,
				    .dialect = dialect_of(call->req) };
	const char *dyno = http_request_param(call->req, "dyno");
	char app[40];
	int r = hosts_app_of(call->c->engine,
			     http_request_param(call->req, "host"), dyno, app, e);

	if (r == 0)
		r = arrival_expected(call->c->attach, app, dyno, e);
	if (r != 0)
		return r;
	call->taken = true;
	if (!a.dialect) {
		attach_refuse(call->req);
		return 0;
	}
	snprintf(a.ticket.dyno, sizeof(a.ticket.dyno), "%s", dyno);
	attach_upgrade(call->req, &a, on_host_open, on_host_arrival_gone);
	return 0;
}

API_HANDLER(upstream_attach, host_attach_call, 0)
