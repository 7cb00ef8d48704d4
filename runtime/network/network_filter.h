#pragma once

/*
 * network_filter.h - changes of the packet filter by netlink: a few elements
 * in one transaction, whatever the number of dynos.
 */
#include "base/base.h"
#include "runtime/network/network.h"

struct error;
struct network_netlink;

#define NETWORK_FILTER_ABSENT 1		/* somebody removed our tables, or elements */

/* Add a dyno's elements; present = done. sources: there is a bridge table. */
int network_filter_add(struct network_netlink *nl, unsigned instance,
		       bool sources, struct in_addr address,
		       enum network_egress egress, struct error *e);
/* Remove them. NETWORK_FILTER_ABSENT: nothing is changed. */
int network_filter_remove(struct network_netlink *nl, unsigned instance,
			  bool sources, struct in_addr address,
			  struct error *e);

/* 0: the tables are there, or NETWORK_FILTER_ABSENT. */
int network_filter_probe(struct network_netlink *nl, unsigned instance,
			 bool sources, struct error *e);

/* Replace where the fixed name servers are; servers NULL: nowhere. */
int network_filter_set_servers(struct network_netlink *nl, unsigned instance,
			       const struct in_addr *servers, struct error *e);

/* Remove both tables; absent = done. */
int network_filter_wipe(struct network_netlink *nl, unsigned instance,
			struct error *e);
