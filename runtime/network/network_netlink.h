#pragma once

/*
 * network_netlink.h - a netlink socket, and batches of requests on it.
 *
 * A batch is built in place, sent with one system call and worked off by the
 * kernel in order; a request that fails does not stop the others. Every
 * request is acknowledged, unless it was added as silent.
 *
 *	struct network_batch b;
 *	network_batch_init(&b, nl);
 *	nlh = network_batch_add(&b, RTM_DELLINK, 0, ENODEV, "remove link %s", ..);
 *	mnl_nlmsg_put_extra_header(nlh, ...);
 *	r = network_batch_send(&b, e);
 */
#include "base/base.h"

#include <libmnl/libmnl.h>

struct error;

#define NETWORK_BATCH_BYTES 8192
#define NETWORK_BATCH_MAX 48
#define NETWORK_MESSAGE_MAX 512		/* the largest request we build */
#define NETWORK_WHAT_MAX 64

struct network_netlink {
	struct mnl_socket *socket;
	uint32_t seq;
};

#define NETWORK_NETLINK_INIT ((struct network_netlink){ NULL, 0 })

/* family: NETLINK_ROUTE, NETLINK_NETFILTER. */
int network_netlink_open(struct network_netlink *nl, int family,
			 struct error *e);
void network_netlink_close(struct network_netlink *nl);

struct network_request {
	char what[NETWORK_WHAT_MAX];	/* for messages: "remove link dyno0-12" */
	int ignore;			/* an errno that means "done", or 0 */
	bool acked;
	bool ignored;			/* it failed as it may */
};

struct network_batch {
	struct network_netlink *nl;	/* NULL: only built, not sent */
	uint32_t seq;			/* of the first request */
	size_t len, n;
	struct network_request requests[NETWORK_BATCH_MAX];
	char data[NETWORK_BATCH_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
};

void network_batch_init(struct network_batch *b, struct network_netlink *nl);
bool network_batch_full(const struct network_batch *b);

/* The next request's header; the caller adds the rest with libmnl. NLM_F_REQUEST
 * and NLM_F_ACK are set; NETWORK_BATCH_SILENT in ignore leaves out the ACK. */
#define NETWORK_BATCH_SILENT (-1)
struct nlmsghdr *network_batch_add(struct network_batch *b, uint16_t type,
				   uint16_t flags, int ignore,
				   const char *fmt, ...) PRINTF(5, 6);

/* The length of all requests; call when the last one is complete. */
size_t network_batch_len(struct network_batch *b);

/* Send, and read all answers. The first failure that is not to be ignored is
 * returned; the kernel has tried all of them. An empty batch is done. */
int network_batch_send(struct network_batch *b, struct error *e);

/* Send one request (without ACK flag) and call fn for each answer. fn returns
 * MNL_CB_OK. -ENODEV and so on: the kernel's refusal. */
int network_netlink_ask(struct network_netlink *nl, struct nlmsghdr *nlh,
			const char *what, mnl_cb_t fn, void *userdata,
			struct error *e);
