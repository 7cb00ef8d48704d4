/*
 * attach.c - sessions: client, host, and what happens when one is missing.
 *
 * What a client that may come again lacks is known by itself and kept by the
 * host: here frames are only passed on. So a session that is lost, with this
 * process or by a broken connection, is put together again by the two ends.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/replay.h"
#include "controller/attach/attach_sessions.h"

#include <stdio.h>

#define JOIN_BYTES (2 * REPLAY_COUNT_BYTES)

int attach_hub_new(struct attach_hub **ret, sd_event *event, struct engine *g,
		   struct error *e)
{
	struct attach_hub *hub = xcalloc(1, sizeof(*hub));

	hub->event = event;
	hub->g = g;
	hub->born = clock_mono_usec();
	list_init(&hub->sessions);
	*ret = hub;
	return 0;
}

void session_free(struct session *s)
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

struct session *session_find(struct attach_hub *hub, const char *dyno)
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

struct session *session_get(struct attach_hub *hub, const char *dyno)
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
	struct session *s = userdata;

	if (s->client)
		session_fail(s, "the dyno's host cannot be reached");
	else
		session_lost_client(s, true);
	return 0;
}

/* The end that is here waits for the other one. */
static void session_wait(struct session *s)
{
	struct error e;

	if (loop_timer(s->hub->event, &s->timer, ATTACH_WAIT_USEC,
		       on_session_timeout, s, "attach waits", &e) < 0) {
		log_err("%s", e.msg);
		session_fail(s, "internal error");
	}
}

/* Both are here, and the client is where it shall be: the dyno may start, or go on. */
static void session_joined(struct session *s)
{
	const unsigned char size[4] = {
		(unsigned char)(s->rows >> 8), (unsigned char)s->rows,
		(unsigned char)(s->cols >> 8), (unsigned char)s->cols,
	};

	s->joined = true;
	attach_peer_send(s->host, 'C', size, sizeof(size));
}

/* A client that may come again first says what it has. */
static void session_meet(struct session *s)
{
	s->timer = loop_unref(s->timer);
	s->joined = false;
	if (!s->ticket.again)
		session_joined(s);
	attach_peer_pause(s->client, false);
}

static void session_flow(struct attach_peer *to, struct attach_peer *from)
{
	if (to && from)
		attach_peer_pause(from,
				  attach_peer_backlog(to) > ATTACH_BACKLOG_MAX);
}

void session_lost_client(struct session *s, bool for_good)
{
	s->client = attach_peer_free(s->client);
	s->coming = false;
	s->had_client = true;
	if (!for_good) {
		if (s->host)
			attach_peer_pause(s->host, false);
		session_wait(s);
		return;
	}
	s->timer = loop_unref(s->timer);
	s->ticket.again = false;	/* who comes now comes too late */
	if (!s->host) {
		session_free(s);
		return;
	}
	/* The host hears of it, and the dyno's last words are read and dropped. */
	attach_peer_send(s->host, 'H', NULL, 0);
	attach_peer_pause(s->host, false);
	if (s->over)
		session_end(s);
}

/* ---- the client's events ---- */

static bool session_join(struct session *s, const void *data, size_t n)
{
	if (!s->ticket.again || n != JOIN_BYTES)
		return false;
	if (s->host_again)
		attach_peer_send(s->host, 'J', data, n);
	session_joined(s);
	return true;
}

static void session_window(struct session *s, const unsigned char *size, size_t n)
{
	if (n != 4)
		return;
	s->rows = (uint16_t)(size[0] << 8 | size[1]);
	s->cols = (uint16_t)(size[2] << 8 | size[3]);
}

static void on_client_frame(struct attach_peer *p, char type, const void *data,
			    size_t n, void *userdata)
{
	struct session *s = session_of(userdata, p);

	if (!s || !s->host)
		return;		/* only when the host was lost just now */
	s->active = clock_mono_usec();
	if (type == 'H') {
		session_lost_client(s, true);
		return;
	}
	if (type == 'J' ? !session_join(s, data, n) : !s->joined) {
		session_lost_client(s, true);
		return;
	}
	if (type == 'W')
		session_window(s, data, n);
	if (type != 'J' && (type != 'K' || s->host_again))
		attach_peer_send(s->host, type, data, n);
	session_flow(s->host, s->client);
}

static void on_client_drained(struct attach_peer *p, void *userdata)
{
	struct session *s = session_of(userdata, p);

	if (s)
		session_flow(s->client, s->host);
}

static void on_client_lost(struct attach_peer *p, void *userdata)
{
	struct session *s = session_of(userdata, p);

	/* On this machine nobody loses a connection: it has ended. */
	if (s)
		session_lost_client(s, !s->ticket.again || s->ticket.local ||
				    (s->host && !s->host_again));
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
	bool last = type == 'X' || type == 'F';

	if (!s)
		return;
	s->active = clock_mono_usec();
	if (s->client && s->joined)
		attach_peer_send(s->client, type, data, n);
	s->over = s->over || last;
	/* A client that may come again tells the host that it has the last one. */
	if (last && !(s->ticket.again && s->host_again))
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
	if (s->over) {
		session_end(s);
	} else if (!s->client) {
		if (!s->timer)
			session_free(s);
	} else if (s->ticket.again && s->host_again) {
		/* It shall come again too, and say what has reached it. */
		attach_peer_finish(take_ptr(s->client));
		session_lost_client(s, false);
	} else {
		attach_peer_pause(s->client, true);
		session_wait(s);
	}
}

const struct attach_peer_events session_host_events = {
	.on_frame = on_host_frame,
	.on_drained = on_host_drained,
	.on_lost = on_host_lost,
};

/* ---- both ends come ---- */

void attach_join_client(struct attach_hub *hub,
			const struct attach_ticket *ticket,
			struct attach_peer *client)
{
	struct session *s = session_get(hub, ticket->dyno);

	attach_peer_free(s->client);	/* its link was lost, and nobody told us */
	s->client = client;
	s->coming = false;
	s->had_client = true;
	if (!s->rows)			/* else it is the one that it had last */
		s->rows = ticket->rows, s->cols = ticket->cols;
	s->ticket = *ticket;
	if (s->host) {
		session_meet(s);
		return;
	}
	attach_peer_pause(client, true);
	session_wait(s);
}

void session_join_host(struct session *s, struct attach_peer *host, bool again)
{
	attach_peer_free(s->host);	/* a new stream replaces the old one */
	s->host = host;
	s->host_again = again;
	if (s->client && s->joined && s->ticket.again && again) {
		/* What was on its way here is lost: as in on_host_lost(). */
		attach_peer_finish(take_ptr(s->client));
		session_lost_client(s, false);
	} else if (s->client) {
		session_meet(s);
	} else if (s->had_client && !s->ticket.again) {
		attach_peer_send(s->host, 'H', NULL, 0);
	} else if (s->had_client) {
		session_wait(s);
	}
}

void attach_tick(struct attach_hub *hub, uint64_t now)
{
	struct session *s, *tmp;

	list_for_each_safe(s, tmp, &hub->sessions, link)
		if (s->client && s->host && now > s->active + ATTACH_IDLE_USEC) {
			static const char why[] =
				"no byte moved for an hour in either direction";

			if (s->ticket.again)
				attach_peer_send(s->client, 'F', why, strlen(why));
			attach_peer_finish(take_ptr(s->client));
			session_lost_client(s, true);
		}
}
