/*
 * floor_net.c - netlink for the floor: one datagram for a link with everything
 * about it, one for its element in the packet filter.
 */
#include "tests/bench/floor.h"

#include <arpa/inet.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>

#define ETH0 100		/* index of eth0 inside */
#define GATEWAY "169.254.1.1"

/* ---- messages ---- */

struct floor_batch {
	_Alignas(struct nlmsghdr) char data[FLOOR_MESSAGES];
	size_t len;
	struct nlmsghdr *last;
	unsigned acks;
};

static void *floor_room(struct floor_batch *b, size_t n)
{
	void *p = b->data + b->len;

	assert(b->len + NLMSG_ALIGN(n) <= sizeof(b->data));
	memset(p, 0, NLMSG_ALIGN(n));
	b->len += NLMSG_ALIGN(n);
	if (b->last)
		b->last->nlmsg_len += (uint32_t)NLMSG_ALIGN(n);
	return p;
}

/* Returns room for the family's own header. */
static void *floor_message(struct floor_batch *b, uint16_t type, uint16_t flags,
			   size_t n)
{
	b->last = NULL;
	b->last = floor_room(b, sizeof(*b->last));
	b->last->nlmsg_len = sizeof(*b->last);
	b->last->nlmsg_type = type;
	b->last->nlmsg_flags = flags | NLM_F_REQUEST;
	b->acks += (flags & NLM_F_ACK) != 0;
	return floor_room(b, n);
}

static struct nlattr *floor_attr(struct floor_batch *b, uint16_t type,
				 const void *data, size_t n)
{
	struct nlattr *a = floor_room(b, sizeof(*a) + n);

	a->nla_type = type;
	a->nla_len = (uint16_t)(sizeof(*a) + n);
	if (n)
		memcpy(a + 1, data, n);
	return a;
}

static void floor_number(struct floor_batch *b, uint16_t type, uint32_t n)
{
	floor_attr(b, type, &n, sizeof(n));
}

static void floor_text(struct floor_batch *b, uint16_t type, const char *text)
{
	floor_attr(b, type, text, strlen(text) + 1);
}

static struct nlattr *floor_nest(struct floor_batch *b, uint16_t type)
{
	return floor_attr(b, type, NULL, 0);
}

static void floor_close(struct floor_batch *b, struct nlattr *nest)
{
	nest->nla_len = (uint16_t)(b->data + b->len - (char *)nest);
}

/* ---- sending ---- */

/* The number of acknowledgements, or -1 for a refusal other than ignore. */
static int floor_answers(const char *data, ssize_t n, int ignore)
{
	int acks = 0;

	for (const struct nlmsghdr *h = (const void *)data;
	     NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n)) {
		const struct nlmsgerr *err = NLMSG_DATA(h);

		if (h->nlmsg_type != NLMSG_ERROR)
			continue;
		if (err->error && err->error != -ignore) {
			errno = -err->error;
			return -1;
		}
		acks++;
	}
	return acks;
}

static bool floor_send(int fd, const struct floor_batch *b, int ignore)
{
	_Alignas(struct nlmsghdr) char data[8192];
	unsigned got = 0;

	if (send(fd, b->data, b->len, 0) < 0)
		return false;
	while (got < b->acks) {
		ssize_t n = recv(fd, data, sizeof(data), 0);
		int acks = n < 0 ? -1 : floor_answers(data, n, ignore);

		if (acks < 0)
			return false;
		got += (unsigned)acks;
	}
	return true;
}

bool floor_net_open(struct floor_net *n)
{
	n->route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	n->netfilter = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			      NETLINK_NETFILTER);
	n->bridge = if_nametoindex(FLOOR_BRIDGE);
	return n->route >= 0 && n->netfilter >= 0 && n->bridge;
}

/* ---- links ---- */

static void floor_mac(struct in_addr address, uint8_t ret[6])
{
	ret[0] = 0x02;
	ret[1] = 0x65;
	memcpy(ret + 2, &address.s_addr, 4);
}

static struct ifinfomsg *floor_link(struct floor_batch *b, uint16_t flags,
				    int index, bool up)
{
	struct ifinfomsg *ifi = floor_message(b, RTM_NEWLINK, flags | NLM_F_ACK,
					      sizeof(*ifi));

	ifi->ifi_index = index;
	if (up)
		ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	return ifi;
}

static void floor_no_ipv6(struct floor_batch *b)
{
	const uint8_t none = IN6_ADDR_GEN_MODE_NONE;
	struct nlattr *spec = floor_nest(b, IFLA_AF_SPEC);
	struct nlattr *inet6 = floor_nest(b, AF_INET6);

	floor_attr(b, IFLA_INET6_ADDR_GEN_MODE, &none, 1);
	floor_close(b, inet6);
	floor_close(b, spec);
}

static void floor_pair(struct floor_batch *b, const struct floor_net *n,
		       const struct floor_port *p, int index)
{
	struct nlattr *info, *data, *peer;
	struct ifinfomsg *ifi;
	uint8_t mac[6];

	floor_mac(p->address, mac);
	floor_link(b, NLM_F_CREATE | NLM_F_EXCL, index, false);
	floor_text(b, IFLA_IFNAME, p->link);
	floor_number(b, IFLA_MASTER, n->bridge);
	floor_number(b, IFLA_NUM_TX_QUEUES, 1);
	floor_number(b, IFLA_NUM_RX_QUEUES, 1);
	info = floor_nest(b, IFLA_LINKINFO);
	floor_text(b, IFLA_INFO_KIND, "veth");
	data = floor_nest(b, IFLA_INFO_DATA);
	peer = floor_nest(b, VETH_INFO_PEER);
	ifi = floor_room(b, sizeof(*ifi));
	ifi->ifi_index = ETH0;
	floor_text(b, IFLA_IFNAME, "eth0");
	floor_attr(b, IFLA_ADDRESS, mac, sizeof(mac));
	floor_number(b, IFLA_NET_NS_PID, (uint32_t)p->pid);
	floor_number(b, IFLA_NUM_TX_QUEUES, 1);
	floor_number(b, IFLA_NUM_RX_QUEUES, 1);
	floor_close(b, peer);
	floor_close(b, data);
	floor_close(b, info);
}

static void floor_isolate(struct floor_batch *b, int index)
{
	static const uint8_t flags[][2] = {
		{ IFLA_BRPORT_ISOLATED, 1 },	  { IFLA_BRPORT_LEARNING, 0 },
		{ IFLA_BRPORT_UNICAST_FLOOD, 0 }, { IFLA_BRPORT_MCAST_FLOOD, 0 },
		{ IFLA_BRPORT_BCAST_FLOOD, 0 },	  { IFLA_BRPORT_GUARD, 1 },
	};
	struct nlattr *info, *data;

	floor_link(b, 0, index, false);
	info = floor_nest(b, IFLA_LINKINFO);
	floor_text(b, IFLA_INFO_SLAVE_KIND, "bridge");
	data = floor_nest(b, IFLA_INFO_SLAVE_DATA);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		floor_attr(b, flags[i][0], &flags[i][1], 1);
	floor_close(b, data);
	floor_close(b, info);
}

static void floor_neighbour(struct floor_batch *b, uint16_t type, int index,
			    struct in_addr address)
{
	struct ndmsg *nd = floor_message(b, type, NLM_F_ACK | (type == RTM_NEWNEIGH
					 ? NLM_F_CREATE | NLM_F_REPLACE : 0),
					 sizeof(*nd));
	uint8_t mac[6];

	floor_mac(address, mac);
	nd->ndm_family = AF_INET;
	nd->ndm_ifindex = index;
	nd->ndm_state = NUD_PERMANENT;
	floor_number(b, NDA_DST, address.s_addr);
	if (type == RTM_NEWNEIGH)
		floor_attr(b, NDA_LLADDR, mac, sizeof(mac));
}

static void floor_forward(struct floor_batch *b, int index, struct in_addr address)
{
	struct ndmsg *nd = floor_message(b, RTM_NEWNEIGH, NLM_F_ACK |
					 NLM_F_CREATE | NLM_F_REPLACE, sizeof(*nd));
	uint8_t mac[6];

	floor_mac(address, mac);
	nd->ndm_family = PF_BRIDGE;
	nd->ndm_ifindex = index;
	nd->ndm_state = NUD_NOARP;
	nd->ndm_flags = NTF_MASTER;
	floor_attr(b, NDA_LLADDR, mac, sizeof(mac));
}

size_t floor_net_inside(const struct floor_port *p, void *ret, unsigned *ret_acks)
{
	struct floor_batch b = { .len = 0 };
	struct in_addr gateway;
	struct ifaddrmsg *ifa;
	struct rtmsg *rtm;

	inet_pton(AF_INET, GATEWAY, &gateway);
	floor_link(&b, 0, 1, true);
	floor_link(&b, 0, ETH0, false);
	floor_no_ipv6(&b);
	ifa = floor_message(&b, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE, sizeof(*ifa));
	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = 32;
	ifa->ifa_index = ETH0;
	floor_number(&b, IFA_LOCAL, p->address.s_addr);
	floor_number(&b, IFA_ADDRESS, p->address.s_addr);
	floor_link(&b, 0, ETH0, true);
	floor_neighbour(&b, RTM_NEWNEIGH, ETH0, gateway);
	rtm = floor_message(&b, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_type = RTN_UNICAST;
	rtm->rtm_flags = RTNH_F_ONLINK;
	floor_number(&b, RTA_GATEWAY, gateway.s_addr);
	floor_number(&b, RTA_OIF, ETH0);
	memcpy(ret, b.data, b.len);
	*ret_acks = b.acks;
	return b.len;
}

/* ---- the packet filter ---- */

static void floor_nfnl(struct floor_batch *b, uint16_t type, uint16_t flags)
{
	bool bound = type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END;
	struct nfgenmsg *nfg = floor_message(b, type, flags, sizeof(*nfg));

	nfg->nfgen_family = bound ? AF_UNSPEC : NFPROTO_BRIDGE;
	nfg->res_id = bound ? htons(NFNL_SUBSYS_NFTABLES) : 0;
}

/* link . hardware address . address, each on a multiple of four bytes */
static bool floor_element(const struct floor_net *n, uint16_t type,
			  const struct floor_port *p, int ignore)
{
	struct {
		char link[IFNAMSIZ];
		uint8_t mac[8];
		struct in_addr address;
	} key = { .address = p->address };
	struct floor_batch b = { .len = 0 };
	struct nlattr *list, *element, *value;

	snprintf(key.link, sizeof(key.link), "%s", p->link);
	floor_mac(p->address, key.mac);
	floor_nfnl(&b, NFNL_MSG_BATCH_BEGIN, 0);
	floor_nfnl(&b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), NLM_F_ACK |
		   (type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0));
	floor_text(&b, NFTA_SET_ELEM_LIST_TABLE, FLOOR_BRIDGE);
	floor_text(&b, NFTA_SET_ELEM_LIST_SET, "sources");
	list = floor_nest(&b, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED);
	element = floor_nest(&b, NFTA_LIST_ELEM | NLA_F_NESTED);
	value = floor_nest(&b, NFTA_SET_ELEM_KEY | NLA_F_NESTED);
	floor_attr(&b, NFTA_DATA_VALUE, &key, sizeof(key));
	floor_close(&b, value);
	floor_close(&b, element);
	floor_close(&b, list);
	floor_nfnl(&b, NFNL_MSG_BATCH_END, 0);
	return floor_send(n->netfilter, &b, ignore);
}

/* ---- one port ---- */

static int floor_index(const struct floor_port *p)
{
	return 0x30000000 | (int)(ntohl(p->address.s_addr) & 0xffffffU);
}

bool floor_net_attach(struct floor_net *n, const struct floor_port *p)
{
	struct floor_batch b = { .len = 0 };
	int index = floor_index(p);

	floor_pair(&b, n, p, index);
	floor_link(&b, 0, index, false);
	floor_no_ipv6(&b);
	floor_isolate(&b, index);
	floor_forward(&b, index, p->address);
	floor_neighbour(&b, RTM_NEWNEIGH, (int)n->bridge, p->address);
	floor_link(&b, 0, index, true);
	return floor_send(n->route, &b, 0) &&
	       floor_element(n, NFT_MSG_NEWSETELEM, p, 0);
}

bool floor_net_detach(struct floor_net *n, const struct floor_port *p)
{
	struct floor_batch b = { .len = 0 };

	floor_neighbour(&b, RTM_DELNEIGH, (int)n->bridge, p->address);
	return floor_send(n->route, &b, ENOENT) &&
	       floor_element(n, NFT_MSG_DELSETELEM, p, ENOENT);
}
