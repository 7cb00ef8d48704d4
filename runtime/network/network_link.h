#pragma once

/*
 * network_link.h - the rtnetlink requests: bridge, veth pair, inside of a dyno.
 *
 * Nobody on the bridge needs to ask who has an address: hardware addresses
 * follow from the IP address, the forwarding entry and the neighbours are
 * static, ports learn nothing and get no floods.
 */
#include "base/base.h"

#include <linux/if.h>
#include <netinet/in.h>
#include <sys/types.h>

struct error;
struct network_batch;
struct network_netlink;
struct strv;

#define NETWORK_MAC_BYTES 6

/* Index of eth0 in a dyno: fixed at birth, so that the requests of the inside
 * can be made beforehand. High enough for no device to have it by accident. */
#define NETWORK_ETH0_INDEX 100

/* Index of the host end: follows from the address, so that one batch can make
 * it and go on with it. (The kernel takes the peer's index only together with
 * one for this end.) */
unsigned network_link_index(struct in_addr address);

/* 02:64 + the four bytes of the address. */
void network_link_mac(struct in_addr address, uint8_t ret[NETWORK_MAC_BYTES]);

/* "dyno3-" + hex digits of the UUID, as many as fit, for whoever looks at a list
 * of links + 4 of the address, which no other dyno has at the same time. */
void network_link_name(char ret[IFNAMSIZ], unsigned instance, const char *uuid,
		       struct in_addr address);

/* ---- the bridge ---- */

#define NETWORK_LINK_TAKEN 1	/* the name exists already */
/* Make a bridge that has its alias from the moment it has its name. */
int network_link_claim(struct network_netlink *nl, const char *name,
		       const char *alias, struct in_addr gateway,
		       struct error *e);
int network_link_bridge_up(struct network_netlink *nl, const char *name,
			   unsigned index, struct in_addr gateway,
			   unsigned prefix, struct error *e);

/* ---- a dyno ---- */

struct network_port {
	const char *name;		/* of the host end */
	unsigned bridge;		/* index */
	struct in_addr address;
	const char *alias;
	const struct in_addr *gone;	/* whose neighbours are to be removed */
	size_t n_gone;
	pid_t pid;			/* in the dyno's network namespace */
	bool ipv6;			/* the kernel knows IPv6 */
};

/* Make the pair, connect and raise the host end. NETWORK_LINK_TAKEN: another
 * link has the name or the index (*e is set all the same). */
int network_link_attach(struct network_netlink *nl,
			const struct network_port *port, struct error *e);
/* Remove neighbours; a pair goes with its namespace. Absent = done. */
int network_link_forget(struct network_netlink *nl, unsigned bridge,
			const struct in_addr *addresses, size_t n,
			struct error *e);

/* Remove links by name. Absent = done. */
int network_link_remove(struct network_netlink *nl, const struct strv *names,
			struct error *e);

/* Add the requests for the inside: loopback up, eth0 up with its address and
 * the gateway as a static neighbour, default route. */
void network_link_inside(struct network_batch *b, struct in_addr address,
			 struct in_addr gateway, bool ipv6);
