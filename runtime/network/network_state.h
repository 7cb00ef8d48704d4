#pragma once

/*
 * network_state.h - struct network: what the files of the network share.
 */
#include "base/base.h"
#include "runtime/network/network.h"
#include "runtime/network/network_netlink.h"
#include "runtime/network/network_pool.h"
#include "runtime/network/network_watch.h"

#include <linux/if.h>

#define NETWORK_GONE_MAX 16

struct network {
	unsigned instance;
	char bridge[IFNAMSIZ];
	unsigned bridge_index;
	struct network_netlink route, netfilter;
	struct network_pool pool;
	bool ipv6;			/* the kernel knows IPv6 */
	bool source_check;		/* the kernel filters on bridges */
	char *pool_path;		/* NULL: no file */
	char *dns;			/* configured, or NULL */
	char dns_fixed[NETWORK_SERVERS * INET_ADDRSTRLEN];
	struct in_addr servers[NETWORK_SERVERS];
	bool has_servers;
	struct network_watch watch;
	unsigned pending;		/* what of it could not be done yet */
	struct in_addr gone[NETWORK_GONE_MAX];	/* have a neighbour still */
	size_t n_gone;
	bool passes[NETWORK_POOL_SIZE];	/* has elements in the tables */
	struct network_prefix allowed[NETWORK_ALLOWED_MAX];
	size_t n_allowed;
	network_tell_fn tell;
	void *userdata;
};

void network_state_tell(struct network *n, const char *fmt, ...) PRINTF(2, 3);
