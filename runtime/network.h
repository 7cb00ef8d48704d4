#pragma once

/*
 * network.h - each dyno's interface: bridge, veth, address, packet filter.
 *
 * Instance n (0..63) of the host owns the bridge "dyno<n>", the nft table
 * "inet dyno<n>", the addresses 172.16.0.0/18 + n * 2^14 (the bridge has the
 * first), and links "dyno<n>-" + first hex digits of the UUID. The kernel's
 * refusal to make a second link of the same name makes the number a lock; the
 * bridge's alias says whose it is.
 *
 * Per dyno: one batch of netlink messages on the host (veth pair with the peer
 * named eth0 in the dyno's namespace, bridge port isolated, learning off), one
 * transaction of set elements (address + link: source address check), one
 * prepared batch that the child sends inside (loopback up, address, route).
 * Nothing in the host's own firewall is touched, no nft process per start.
 */
#include "base/base.h"

#include <netinet/in.h>
#include <sys/types.h>

struct buf;
struct error;
struct network;

#define NETWORK_INSTANCES 64
#define NETWORK_QUARANTINE_SEC 60	/* an address rests before it is reused */

struct network_config {
	int instance;			/* or -1: the first free one */
	const char *root_name;		/* alias of the bridge */
	bool ip_forward;
};

typedef void (*network_tell_fn)(const char *what, void *userdata);

/* Claim the instance, make bridge and table. EBUSY: taken by another root. */
int network_open(struct network **ret, const struct network_config *config,
		 network_tell_fn tell, void *userdata, struct error *e);
struct network *network_close(struct network *n);
unsigned network_instance(const struct network *n);
struct in_addr network_gateway(const struct network *n);
/* Remove table and bridge (and every link of the prefix). */
int network_wipe(struct network *n, struct error *e);

/* Reserve an address. Before the record of the dyno is written. */
int network_reserve(struct network *n, struct in_addr *ret, struct error *e);
/* Mark an address as in use (an adopted dyno has it). */
void network_occupy(struct network *n, struct in_addr address);

/* Host side: links and set elements. pid = a process in the dyno's network
 * namespace. */
int network_attach(struct network *n, const char *uuid, pid_t pid,
		   struct in_addr address, struct error *e);

/* Inside: the bytes to send on a NETLINK_ROUTE socket of the namespace, and
 * the number of ACKs to expect. Messages are complete: loopback up, eth0 up
 * with its address, default route. */
void network_inside(struct network *n, struct in_addr address,
		    struct buf *ret_messages, unsigned *ret_acks);

/* Remove link and elements; frees the address after its quarantine. Absent =
 * done. */
int network_detach(struct network *n, const char *uuid, struct in_addr address,
		   struct error *e);
