#pragma once

/*
 * lookup.h - the addresses of a host name, without blocking the loop.
 *
 * getaddrinfo() runs in a thread for each: never link this into a process that clones
 * dynos. They are bounded for the whole process; one that is given up ends by itself.
 */
#include "base/base.h"

#include <netdb.h>
#include <systemd/sd-event.h>

struct error;
struct lookup;

#define LOOKUP_MAX 64			/* under way at a time */

struct lookup_result {
	const struct addrinfo *list;	/* for stream sockets, the best first; NULL: none */
	const char *message;		/* why not; "" */
};

/*
 * fn is called once, from the loop; it may free the lookup, and with it the list.
 * EAGAIN: LOOKUP_MAX are under way. There is no time-out but the resolver's own.
 */
int lookup_new(struct lookup **ret, sd_event *event, const char *host, const char *port,
	       void (*fn)(const struct lookup_result *res, void *userdata),
	       void *userdata, struct error *e);
struct lookup *lookup_free(struct lookup *l);
DEFINE_AUTO(struct lookup, lookup_free)
