#pragma once

/*
 * network_query.h - what links, addresses and routes the kernel has.
 */
#include "base/base.h"

#include <linux/if.h>
#include <netinet/in.h>

struct error;
struct network_netlink;

#define NETWORK_ALIAS_MAX 255

struct network_link {
	unsigned index;
	char name[IFNAMSIZ];
	char alias[NETWORK_ALIAS_MAX + 1];	/* "" = none */
};

#define NETWORK_QUERY_ABSENT 1
int network_query_link(struct network_netlink *nl, const char *name,
		       struct network_link *ret, struct error *e);
/* 0 or NETWORK_QUERY_ABSENT. */
int network_query_index(struct network_netlink *nl, unsigned index,
			struct error *e);

/* All links whose names begin with prefix; one may come twice. */
typedef void (*network_link_fn)(const struct network_link *link, void *userdata);
int network_query_links(struct network_netlink *nl, const char *prefix,
			network_link_fn fn, void *userdata, struct error *e);

/* For each address and each route (except default routes) of the host: the
 * prefix and the index of the link that it is on (0 = unknown). */
typedef void (*network_prefix_fn)(struct in_addr address, unsigned prefix,
				  unsigned link, void *userdata);
int network_query_prefixes(struct network_netlink *nl, network_prefix_fn fn,
			   void *userdata, struct error *e);
