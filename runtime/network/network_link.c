#include "runtime/network/network_link.h"
#include "base/error.h"
#include "base/id.h"
#include "base/strv.h"
#include "runtime/network/network_netlink.h"
#include "runtime/network/network_query.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>

#define LOOPBACK_INDEX 1		/* in every network namespace */
#define LINK_ADDRESS_DIGITS 4

void network_link_mac(struct in_addr address, uint8_t ret[NETWORK_MAC_BYTES])
{
	ret[0] = 0x02;			/* locally administered, unicast */
	ret[1] = 0x64;
	memcpy(ret + 2, &address.s_addr, 4);
}

/* All our blocks together have 2^20 addresses. */
unsigned network_link_index(struct in_addr address)
{
	return 0x20000000U | (ntohl(address.s_addr) & 0xfffffU);
}

void network_link_name(char ret[IFNAMSIZ], unsigned instance, const char *uuid,
		       struct in_addr address)
{
	size_t n = (size_t)snprintf(ret, IFNAMSIZ, "dyno%u-", instance);

	for (; *uuid && n < IFNAMSIZ - 1 - LINK_ADDRESS_DIGITS; uuid++)
		if (*uuid != '-')
			ret[n++] = *uuid;
	snprintf(ret + n, IFNAMSIZ - n, "%04x", ntohl(address.s_addr) & 0xffff);
}

/* ---- pieces of requests ---- */

static struct ifinfomsg *link_header(struct nlmsghdr *nlh, unsigned index,
				     bool up)
{
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = (int)index;
	if (up)
		ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	return ifi;
}

static void link_mac(struct nlmsghdr *nlh, uint16_t type, struct in_addr address)
{
	uint8_t mac[NETWORK_MAC_BYTES];

	network_link_mac(address, mac);
	mnl_attr_put(nlh, type, sizeof(mac), mac);
}

/* No IPv6 address of its own, not even a link-local one. */
static void link_no_ipv6(struct network_batch *b, unsigned index,
			 const char *name)
{
	struct nlmsghdr *nlh = network_batch_add(b, RTM_NEWLINK, 0, 0,
						 "keep IPv6 off %s", name);
	struct nlattr *spec, *inet6;

	link_header(nlh, index, false);
	spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(nlh, AF_INET6);
	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE,
			IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(nlh, inet6);
	mnl_attr_nest_end(nlh, spec);
}

static void link_address(struct network_batch *b, unsigned index,
			 struct in_addr address, unsigned prefix)
{
	struct nlmsghdr *nlh = network_batch_add(b, RTM_NEWADDR,
						 NLM_F_CREATE | NLM_F_REPLACE,
						 0, "set the address");
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = (uint8_t)prefix;
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	ifa->ifa_index = index;
	mnl_attr_put_u32(nlh, IFA_LOCAL, address.s_addr);
	mnl_attr_put_u32(nlh, IFA_ADDRESS, address.s_addr);
}

/* The neighbour of an IPv4 address on a link, for ever. */
static void link_neighbour(struct network_batch *b, unsigned index,
			   struct in_addr address)
{
	struct nlmsghdr *nlh = network_batch_add(b, RTM_NEWNEIGH,
						 NLM_F_CREATE | NLM_F_REPLACE,
						 0, "set the neighbour");
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));

	nd->ndm_family = AF_INET;
	nd->ndm_ifindex = (int)index;
	nd->ndm_state = NUD_PERMANENT;
	mnl_attr_put_u32(nlh, NDA_DST, address.s_addr);
	link_mac(nlh, NDA_LLADDR, address);
}

static void link_up(struct network_batch *b, unsigned index, const char *name)
{
	link_header(network_batch_add(b, RTM_NEWLINK, 0, 0, "raise link %s",
				      name), index, true);
}

static void link_delete(struct network_batch *b, const char *name)
{
	struct nlmsghdr *nlh = network_batch_add(b, RTM_DELLINK, 0, ENODEV,
						 "remove link %s", name);

	link_header(nlh, 0, false);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
}

/* ---- the bridge ---- */

/*
 * Four requests in one system call: make a bridge of a random name and index,
 * give it the alias, give it its name (refused if another has it), and delete
 * it under the random name, which it only has if it was refused. So a bridge
 * of our name is never seen without its alias, and a crash leaves nothing.
 */
int network_link_claim(struct network_netlink *nl, const char *name,
		       const char *alias, struct in_addr gateway,
		       struct error *e)
{
	unsigned index = 0x10000000U + id_random(0x10000000U);
	struct network_batch b;
	struct network_link link;
	struct nlattr *info, *data;
	struct nlmsghdr *nlh;
	char temporary[IFNAMSIZ];
	int r;

	snprintf(temporary, sizeof(temporary), "dynotmp%x", index);
	network_batch_init(&b, nl);
	nlh = network_batch_add(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0,
				"create bridge %s", name);
	link_header(nlh, index, false);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, temporary);
	link_mac(nlh, IFLA_ADDRESS, gateway);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_str(nlh, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put_u32(nlh, IFLA_BR_FORWARD_DELAY, 0);
	mnl_attr_put_u32(nlh, IFLA_BR_STP_STATE, 0);
	/* With it, the kernel looks at all ports each time that one is raised. */
	mnl_attr_put_u8(nlh, IFLA_BR_MCAST_SNOOPING, 0);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);

	nlh = network_batch_add(&b, RTM_NEWLINK, 0, 0, "mark bridge %s", name);
	link_header(nlh, index, false);
	mnl_attr_put_str(nlh, IFLA_IFALIAS, alias);

	nlh = network_batch_add(&b, RTM_NEWLINK, 0, EEXIST, "name bridge %s",
				name);
	link_header(nlh, index, false);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);

	link_delete(&b, temporary);
	r = network_batch_send(&b, e);
	if (r < 0)
		return r;
	r = network_query_link(nl, name, &link, e);
	if (r == NETWORK_QUERY_ABSENT)
		return error_set(e, EAGAIN, "bridge %s vanished", name);
	return r < 0 ? r : link.index == index ? 0 : NETWORK_LINK_TAKEN;
}

int network_link_bridge_up(struct network_netlink *nl, const char *name,
			   unsigned index, struct in_addr gateway,
			   unsigned prefix, struct error *e)
{
	struct network_batch b;

	network_batch_init(&b, nl);
	link_address(&b, index, gateway, prefix);
	link_up(&b, index, name);
	return network_batch_send(&b, e);
}

/* ---- a dyno ---- */

static void link_pair(struct network_batch *b, const struct network_port *port)
{
	struct nlmsghdr *nlh = network_batch_add(b, RTM_NEWLINK,
						 NLM_F_CREATE | NLM_F_EXCL, 0,
						 "create link %s", port->name);
	struct nlattr *info, *data, *peer;

	link_header(nlh, network_link_index(port->address), false);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, port->name);
	mnl_attr_put_u32(nlh, IFLA_MASTER, port->bridge);
	mnl_attr_put_u32(nlh, IFLA_NUM_TX_QUEUES, 1);
	mnl_attr_put_u32(nlh, IFLA_NUM_RX_QUEUES, 1);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_str(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	link_header(nlh, NETWORK_ETH0_INDEX, false);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "eth0");
	link_mac(nlh, IFLA_ADDRESS, port->address);
	mnl_attr_put_u32(nlh, IFLA_NET_NS_PID, (uint32_t)port->pid);
	mnl_attr_put_u32(nlh, IFLA_NUM_TX_QUEUES, 1);
	mnl_attr_put_u32(nlh, IFLA_NUM_RX_QUEUES, 1);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
}

/* Nothing is flooded to the port: it gets what is addressed to it. */
static void link_port_flags(struct network_batch *b, unsigned index,
			    const struct network_port *port)
{
	static const struct {
		uint16_t type;
		uint8_t value;
	} flags[] = {
		{ IFLA_BRPORT_ISOLATED,      1 },
		{ IFLA_BRPORT_LEARNING,      0 },
		{ IFLA_BRPORT_UNICAST_FLOOD, 0 },
		{ IFLA_BRPORT_MCAST_FLOOD,   0 },
		{ IFLA_BRPORT_BCAST_FLOOD,   0 },
		{ IFLA_BRPORT_GUARD,         1 },	/* no bridge protocol */
	};
	struct nlmsghdr *nlh = network_batch_add(b, RTM_NEWLINK, 0, 0,
						 "isolate link %s", port->name);
	struct nlattr *info, *data;

	link_header(nlh, index, false);
	mnl_attr_put_str(nlh, IFLA_IFALIAS, port->alias);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_str(nlh, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_SLAVE_DATA);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		mnl_attr_put_u8(nlh, flags[i].type, flags[i].value);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
}

/* The bridge's forwarding entry: this hardware address is at this port. */
static void link_forward(struct network_batch *b, unsigned index,
			 struct in_addr address)
{
	struct nlmsghdr *nlh = network_batch_add(b, RTM_NEWNEIGH,
						 NLM_F_CREATE | NLM_F_REPLACE,
						 0, "set the forwarding entry");
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));

	nd->ndm_family = PF_BRIDGE;
	nd->ndm_ifindex = (int)index;
	nd->ndm_state = NUD_NOARP;	/* the bridge's "static" */
	nd->ndm_flags = NTF_MASTER;
	link_mac(nlh, NDA_LLADDR, address);
}

static void link_forget(struct network_batch *b, unsigned bridge,
			const struct in_addr *addresses, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct nlmsghdr *nlh = network_batch_add(b, RTM_DELNEIGH, 0, ENOENT,
							 "remove a neighbour");
		struct ndmsg *nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));

		nd->ndm_family = AF_INET;
		nd->ndm_ifindex = (int)bridge;
		mnl_attr_put_u32(nlh, NDA_DST, addresses[i].s_addr);
	}
}

/* If the pair is refused, the others find no link and change nothing, except for
 * the neighbour, which the caller removes. */
int network_link_attach(struct network_netlink *nl,
			const struct network_port *port, struct error *e)
{
	unsigned index = network_link_index(port->address);
	struct network_batch b;
	int r;

	network_batch_init(&b, nl);
	link_forget(&b, port->bridge, port->gone, port->n_gone);
	link_pair(&b, port);
	if (port->ipv6)
		link_no_ipv6(&b, index, port->name);
	link_port_flags(&b, index, port);
	link_forward(&b, index, port->address);
	link_neighbour(&b, port->bridge, port->address);
	link_up(&b, index, port->name);
	r = network_batch_send(&b, e);
	return r == -EEXIST || r == -EBUSY ? NETWORK_LINK_TAKEN : r;
}

int network_link_forget(struct network_netlink *nl, unsigned bridge,
			const struct in_addr *addresses, size_t n,
			struct error *e)
{
	struct network_batch b;
	int r;

	network_batch_init(&b, nl);
	link_forget(&b, bridge, addresses, n);
	r = network_batch_send(&b, e);
	return r == -ENODEV ? 0 : r;	/* without a bridge, no neighbours */
}

int network_link_remove(struct network_netlink *nl, const struct strv *names,
			struct error *e)
{
	struct network_batch b;
	int r = 0;

	network_batch_init(&b, nl);
	for (size_t i = 0; i < names->n; i++) {
		link_delete(&b, names->v[i]);
		if (i + 1 < names->n && !network_batch_full(&b))
			continue;
		if (r < 0)
			network_batch_send(&b, NULL);
		else
			r = network_batch_send(&b, e);
		network_batch_init(&b, nl);
	}
	return r;
}

void network_link_inside(struct network_batch *b, struct in_addr address,
			 struct in_addr gateway, bool ipv6)
{
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	link_up(b, LOOPBACK_INDEX, "lo");
	if (ipv6)
		link_no_ipv6(b, NETWORK_ETH0_INDEX, "eth0");
	/* /32: there is nobody else on the link. */
	link_address(b, NETWORK_ETH0_INDEX, address, 32);
	link_up(b, NETWORK_ETH0_INDEX, "eth0");
	link_neighbour(b, NETWORK_ETH0_INDEX, gateway);

	nlh = network_batch_add(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, 0,
				"set the default route");
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_UNICAST;
	rtm->rtm_flags = RTNH_F_ONLINK;
	mnl_attr_put_u32(nlh, RTA_GATEWAY, gateway.s_addr);
	mnl_attr_put_u32(nlh, RTA_OIF, NETWORK_ETH0_INDEX);
}
