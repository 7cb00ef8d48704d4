#pragma once

/*
 * network_query.h - what links, addresses and routes the kernel has.
 */
#include "base/base.h"

#include <netinet/in.h>

struct error;
struct network_netlink;
struct strv;

#define NETWORK_ALIAS_MAX 255

struct network_link {
	unsigned index;
	char alias[NETWORK_ALIAS_MAX + 1];	/* "" = none */
};

#define NETWORK_QUERY_ABSENT 1
int network_query_link(struct network_netlink *nl, const char *name,
		       struct network_link *ret, struct error *e);

/* Names of all links that begin with prefix. */
int network_query_links(struct network_netlink *nl, const char *prefix,
			struct strv *ret, struct error *e);

/* For each address and each route (except default routes) of the host: the
 * prefix and the index of the link that it is on (0 = unknown). */
typedef void (*network_prefix_fn)(struct in_addr address, unsigned prefix,
				  unsigned link, void *userdata);
int network_query_prefixes(struct network_netlink *nl, network_prefix_fn fn,
			   void *userdata, struct error *e);
