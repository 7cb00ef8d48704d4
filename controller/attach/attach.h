#pragma once

/*
 * attach.h - joins the client of an attached dyno with the dyno's host.
 *
 * A session exists from the moment that either end is here until the dyno's
 * last frame has gone to the client. The host's end may be lost and come again
 * within ATTACH_WAIT_USEC. The client's secret works once; a client of the newer
 * protocol that is not on this machine may lose its connection and come again
 * with it, within the same time.
 */
#include "base/id.h"
#include "controller/attach/attach_peer.h"

#include <systemd/sd-event.h>

struct attach_hub;
struct engine;
struct error;

#define ATTACH_PROTOCOL "dyno-attach/2"
#define ATTACH_WAIT_USEC (30 * USEC_PER_SEC)
#define ATTACH_IDLE_USEC (3600 * USEC_PER_SEC)

int attach_hub_new(struct attach_hub **ret, sd_event *event, struct engine *g,
		   struct error *e);
struct attach_hub *attach_hub_free(struct attach_hub *hub);

/* ---- for those who accept clients ---- */

struct attach_ticket {
	char dyno[UUID_TEXT_MAX];
	char secret[128];
	bool again;			/* the client may come again */
	bool local;			/* it is on this machine */
	uint16_t rows, cols;		/* 0: unknown */
	bool tty;
};

/* Use up a client's secret; again: of one that may come again with it.
 * OUTCOME_NOT_FOUND: wrong, used, or the dyno is gone. */
int attach_redeem(struct attach_hub *hub, const char *secret, bool again,
		  struct attach_ticket *ret, struct error *e);

/* The client has gone between attach_redeem() and attach_join_client(). */
void attach_give_up(struct attach_hub *hub, const struct attach_ticket *ticket);

/* The events a client's peer must be made with; userdata: the hub. */
extern const struct attach_peer_events attach_client_events;

/* The client is here: takes the peer. */
void attach_join_client(struct attach_hub *hub,
			const struct attach_ticket *ticket,
			struct attach_peer *client);

/* The same of one that speaks frames, over a non-blocking socket: takes fd. early:
 * bytes that have come from there already. */
void attach_join_stream(struct attach_hub *hub, const struct attach_ticket *ticket,
			int fd, const void *early, size_t n_early);

/* Call now and then: ends sessions that have been idle too long. */
void attach_tick(struct attach_hub *hub, uint64_t now);
