#pragma once

/*
 * seats.h - which names of which apps each host has run: about whom it may speak.
 *
 * A host is given a dyno: it has a seat. It loses the seat when the dyno leaves its
 * list, but may have much to tell yet: it ends the dyno, lines wait there, or the host
 * was cut off for a day and does not know. So it may speak for the dyno until
 * SEATS_GRACE_SEC after a full report of it which does not have the dyno any more.
 *
 * It follows the keys /host-dynos/ of the state, in a SQLite file of its own; a kill
 * between the two is made good at start. synchronous=NORMAL, as with lines.
 */
#include "http/json.h"

struct error;
struct seats;
struct state;

#define SEATS_GRACE_SEC 3600
#define SEATS_AGE_SEC (30 * 24 * 3600)	/* of a host that is never heard again */

int seats_open(struct seats **ret, struct state *state, const char *path,
	       struct error *e);
struct seats *seats_free(struct seats *s);
DEFINE_AUTO(struct seats, seats_free)

/* Whether the host may speak for the dyno of this name. When the file cannot be read:
 * yes, as nothing shall be lost by that. */
bool seats_has(struct seats *s, const char *host, const char *app, const char *name);
/* The same by the dyno's id; host NULL: whether any host has or had it. */
bool seats_has_id(struct seats *s, const char *host, const char *id);

/* A full report: dynos is its array, with ids. now: real microseconds. */
void seats_reported(struct seats *s, const char *host, const json_t *dynos,
		    uint64_t now);

/* So many things that a host said were none of its business; how many since start. */
void seats_refuse(struct seats *s, const char *host, uint64_t n);
uint64_t seats_refused(const struct seats *s, const char *host);
