#pragma once

/*
 * network_filter.h - the packet filter of an instance: two nft tables.
 *
 * "inet dyno<n>": from the dynos nothing reaches the host itself except
 * answers and pings, nothing goes to other dynos or link-local addresses;
 * everything else is let out under the host's address. "bridge dyno<n>": a
 * dyno's port takes only packets with the dyno's own addresses; the set
 * "sources" has one element per dyno. The nft program makes the tables, once;
 * elements come and go by netlink.
 */
#include "base/base.h"

#include <netinet/in.h>

struct buf;
struct error;
struct network_netlink;

/* The text for nft. Pure. */
void network_filter_inet(unsigned instance, struct buf *ret);
void network_filter_bridge(unsigned instance, struct buf *ret);

/* Run nft on a text: one transaction, all or nothing. */
int network_filter_run(const char *rules, struct error *e);

#define NETWORK_FILTER_ABSENT 1		/* somebody removed our table */
/* Add a dyno's element; present = done. */
int network_filter_add(struct network_netlink *nl, unsigned instance,
		       const char *link, struct in_addr address,
		       struct error *e);
/* Remove it; absent = done. */
int network_filter_remove(struct network_netlink *nl, unsigned instance,
			  const char *link, struct in_addr address,
			  struct error *e);

/* Remove both tables; absent = done. */
int network_filter_wipe(struct network_netlink *nl, unsigned instance,
			struct error *e);
