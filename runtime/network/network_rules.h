#pragma once

/*
 * network_rules.h - the packet filter of an instance as a text for nft.
 *
 * Table "inet dyno<n>" is about routed packets. From the dynos nothing reaches
 * the host itself except answers and what the configuration allows, nothing
 * goes to other dynos or link-local addresses; the rest depends on the map
 * "egress", and is let out under the host's address. What dynos send to their
 * fixed name servers goes to those of the map "servers". Table "bridge dyno<n>":
 * a dyno's port takes IPv4 packets with the dyno's own addresses and nothing
 * else, not even ARP (the neighbours are static) or IPv6; the set "sources" has
 * one element per dyno.
 *
 * The nft program makes the tables, once, with the elements of living dynos in
 * the same transaction; later, elements come and go by netlink
 * (network_filter.h).
 */
#include "base/base.h"
#include "runtime/network/network.h"

#define NETWORK_RULES_SOURCES "sources"
#define NETWORK_RULES_EGRESS "egress"
#define NETWORK_RULES_SERVERS "servers"

/* One that is connected. */
struct network_member {
	struct in_addr address;
	enum network_egress egress;
};

struct buf;
struct error;

struct network_rules {
	unsigned instance;
	const struct network_member *members;
	size_t n_members;
	const struct in_addr *servers;	/* one per fixed name server, or NULL */
	const struct network_prefix *allowed;
	size_t n_allowed;
};

/* The text for nft; the tables are made anew. Pure. */
void network_rules_inet(const struct network_rules *rules, struct buf *ret);
void network_rules_bridge(const struct network_rules *rules, struct buf *ret);

/* Run nft on a text: one transaction, all or nothing. */
int network_rules_load(const char *text, struct error *e);
