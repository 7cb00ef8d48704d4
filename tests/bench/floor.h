#pragma once

/*
 * floor.h - the least that a start can cost: what floor.c, floor_child.c and
 * floor_net.c share. Nothing of runtime/ takes part in what is timed.
 */
#include "base/base.h"
#include "tests/bench/floor_groups.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/types.h>

#define FLOOR_BRIDGE "dynobench"	/* made by the driver, as is the nft table */
#define FLOOR_APP 1000			/* uid and gid inside */
#define FLOOR_FIRST 0x90000000U		/* of the 65536 ids of the container */
#define FLOOR_TREES 3			/* slug, stack, usr */
#define FLOOR_MESSAGES 2048

/* What the child needs, all of it ready. Its descriptors are above 4. */
struct floor_plan {
	const char *stage;		/* an empty directory */
	int go, go_peer;		/* the parent's end, to be closed */
	int report;
	int init;			/* program to execute, if any */
	int out, exit, hold;		/* descriptors 1 and 2, 3, 4 */
	int trees[FLOOR_TREES];
	const struct floor_group *group;
	const void *net;
	size_t net_len;
	unsigned net_acks;
	int cpu;			/* the one it may run on */
	struct sock_fprog filter;
	char *const *argv;
};

/* floor_child.c */
_Noreturn void floor_child(const struct floor_plan *p);

/* floor_net.c: a bridge, and netlink sockets to route and netfilter. */
struct floor_net {
	int route, netfilter;
	unsigned bridge;
	unsigned seq;
};

struct floor_port {
	char link[16];
	struct in_addr address;
	pid_t pid;
};

bool floor_net_open(struct floor_net *n);
/* The messages for inside: address, route and so on of eth0. */
size_t floor_net_inside(const struct floor_port *p, void *ret, unsigned *ret_acks);
bool floor_net_attach(struct floor_net *n, const struct floor_port *p);
/* The kernel removes the link with its namespace; the rest is removed here. */
bool floor_net_detach(struct floor_net *n, const struct floor_port *p);
