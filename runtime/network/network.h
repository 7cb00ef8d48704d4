#pragma once

/*
 * network.h - each dyno's interface: bridge, veth, address, packet filter.
 *
 * Instance n (0..63) of the host owns the bridge "dyno<n>", the nft tables
 * "inet dyno<n>" and "bridge dyno<n>", the addresses 172.16.0.0/18 + n * 2^14
 * (the bridge has the first), and links "dyno<n>-" + digits of UUID and
 * address. The kernel's refusal to make a second link of the same name makes
 * the number a lock; the bridge's alias says whose it is.
 *
 * Everything of a dyno but the first digits of its link's name follows from its
 * address: hardware address, index of the link, elements of the filter. So an
 * address belongs to one dyno as long as that is on record, and then rests
 * until nobody can mistake the next one for it.
 *
 * Per dyno: one batch of netlink messages on the host (veth pair with the peer
 * named eth0 in the dyno's namespace, bridge port isolated, learning off), one
 * transaction of set elements (may it send, and what may it reach), one
 * prepared batch that the child sends inside (loopback up, address, route).
 * Nothing in the host's own firewall is touched, no nft process per start.
 *
 * Calling order: network_open; network_occupy for each dyno on record; then for
 * each dyno network_reserve, (record written), network_attach; at its end
 * network_detach, (record removed), network_release.
 */
#include "base/base.h"

#include <netinet/in.h>
#include <sys/types.h>

struct buf;
struct error;
struct network;

#define NETWORK_INSTANCES 64
#define NETWORK_QUARANTINE_SEC 60	/* an address rests before it is reused */
#define NETWORK_SERVERS 2		/* fixed addresses of name servers */
#define NETWORK_ALLOWED_MAX 64

/* What a dyno may reach. Never the host, link-local addresses and other dynos,
 * unless they are among those that the configuration allows. */
enum network_egress {
	NETWORK_EGRESS_INTERNET,	/* everything that is left */
	NETWORK_EGRESS_ALLOWED,		/* what is allowed, and name servers */
	NETWORK_EGRESS_NONE,
	NETWORK_EGRESS_COUNT,
};

struct network_prefix {
	struct in_addr address;
	unsigned length;		/* 0..32 */
};

/* Read a list of networks, "10.1.0.0/16 192.168.4.7". EINVAL names the word that
 * is none; E2BIG: more than NETWORK_ALLOWED_MAX. */
int network_prefixes(const char *list, struct network_prefix ret[NETWORK_ALLOWED_MAX],
		     size_t *ret_n, struct error *e);

struct network_config {
	int instance;			/* or -1: the first free one */
	const char *root_name;		/* alias of the bridge */
	bool ip_forward;		/* may set net.ipv4.ip_forward */
	const char *run_dir;		/* where addresses at rest are kept; NULL:
					 * in memory only */
	const char *dns;		/* name servers, blank separated; NULL: the host's */
	const struct network_prefix *allowed;	/* whoever may reach anything may
						 * reach these */
	size_t n_allowed;		/* up to NETWORK_ALLOWED_MAX */
};

typedef void (*network_tell_fn)(const char *what, void *userdata);

/* Claim the instance, make bridge and table. EBUSY: taken by another root. */
int network_open(struct network **ret, const struct network_config *config,
		 network_tell_fn tell, void *userdata, struct error *e);
struct network *network_close(struct network *n);
unsigned network_instance(const struct network *n);
struct in_addr network_gateway(const struct network *n);

/* The name servers that dynos ask, blank separated: always the same addresses
 * of the instance's block. The host sends on what comes to them to the servers
 * of the day. */
const char *network_dns(const struct network *n);

/*
 * What others change on the host: the name servers, or our tables, which a
 * firewall script may flush. network_fd() is readable then, and network_serve()
 * puts things right, without waiting. network_reserve() calls it as well. A
 * failure is tried again by the next call. -1: cannot be heard, as was told.
 */
int network_fd(const struct network *n);
int network_serve(struct network *n, struct error *e);

/* Remove tables and bridge (and every link of the prefix). */
int network_wipe(struct network *n, struct error *e);

/* Take an address whose last owner's link is gone, too. Before the record of
 * the dyno is written. */
int network_reserve(struct network *n, struct in_addr *ret, struct error *e);
/* Mark an address as in use (a dyno on record has it). */
void network_occupy(struct network *n, struct in_addr address);
/* When no record names it any more: it rests. */
void network_release(struct network *n, struct in_addr address);

/* Host side: links and set elements. pid = a process in the dyno's network
 * namespace. */
int network_attach(struct network *n, const char *uuid, pid_t pid,
		   struct in_addr address, enum network_egress egress,
		   struct error *e);

/* Inside: the bytes to send on a NETLINK_ROUTE socket of the namespace, and
 * the number of ACKs to expect. Messages are complete: loopback up, eth0 up
 * with its address, default route. */
void network_inside(struct network *n, struct in_addr address,
		    struct buf *ret_messages, unsigned *ret_acks);

/*
 * Take the dyno out of the filter. The link goes with the dyno's namespace,
 * soon after its last process; to remove it by hand would keep the caller for
 * 15 ms and more. Absent = done; only before network_release().
 */
int network_detach(struct network *n, struct in_addr address, struct error *e);
