#pragma once

/*
 * drain_networks.h - which addresses drains may reach: users choose their URLs, and
 * shall not get at what only this machine can reach.
 *
 * Without a list: everything but this machine's own addresses (the controller
 * listens there), loopback, link-local (metadata services), multicast and the
 * unspecified address. With a list ("10.0.0.0/8 2001:db8::/32 127.0.0.1"): what is
 * in it and nothing else.
 */
#include "base/base.h"

#include <sys/socket.h>

struct drain_networks;
struct error;

/* text NULL or empty: no list. EINVAL: not a list of networks. */
int drain_networks_new(struct drain_networks **ret, const char *text,
		       struct error *e);
struct drain_networks *drain_networks_free(struct drain_networks *n);
DEFINE_AUTO(struct drain_networks, drain_networks_free)

/* IPv4 addresses inside of IPv6 are taken as what they mean. */
bool drain_networks_allow(const struct drain_networks *n,
			  const struct sockaddr *address);

/* The same for a host that is written as an address; names are fine, they are
 * checked when they have become addresses. */
bool drain_networks_allow_host(const struct drain_networks *n, const char *host);
