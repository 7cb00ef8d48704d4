#pragma once

/*
 * attach_sessions.h - inside of attach.h: sessions by dyno, for attach.c (what
 * happens in them) and attach_arrival.c (who comes to them).
 */
#include "base/list.h"
#include "controller/attach/attach.h"

struct attach_hub {
	sd_event *event;		/* borrowed */
	struct engine *g;		/* borrowed */
	struct list sessions;
	uint64_t born;			/* monotonic: sessions before it are forgotten */
};

struct session {
	struct list link;
	struct attach_hub *hub;
	struct attach_ticket ticket;	/* of the client that came last */
	char dyno[UUID_TEXT_MAX];
	struct attach_peer *client, *host;
	bool host_again;		/* the host knows JOIN and KNOWN */
	bool coming;			/* a client has shown the secret */
	bool had_client;		/* one has come, perhaps it has left */
	bool joined;			/* this client has said what it has */
	bool over;			/* the last frame has gone towards the client */
	uint16_t rows, cols;
	uint64_t active;		/* monotonic: last byte either way */
	sd_event_source *timer;		/* one end waits for the other */
};

struct session *session_find(struct attach_hub *hub, const char *dyno);
/* Made if there is none. */
struct session *session_get(struct attach_hub *hub, const char *dyno);
void session_free(struct session *s);

/* The client is gone: it may come again for a while, or not. */
void session_lost_client(struct session *s, bool for_good);

/* The host is here: takes the peer. again: it knows JOIN and KNOWN. */
void session_join_host(struct session *s, struct attach_peer *host, bool again);

/* The events a host's peer must be made with; userdata: the hub. */
extern const struct attach_peer_events session_host_events;
