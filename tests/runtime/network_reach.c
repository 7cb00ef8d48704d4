#include "tests/runtime/network_reach.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/network/network_link.h"
#include "tests/runtime/netns_frame.h"
#include "tests/runtime/network_world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

/* ---- in and out ---- */

void host_reaches_a_dyno(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct world_dyno d;
	pid_t tcp, udp;

	world_dyno_open(w, &d, "11111111-aaaa");
	tcp = netns_serve(&d.ns, "0.0.0.0", WORLD_PORT);
	udp = netns_serve_udp(&d.ns, "0.0.0.0", WORLD_PORT);
	world_assert_reaches(NULL, NULL, d.text, seen);
	assert_string_equal(seen, WORLD_GATEWAY);
	assert_int_equal(netns_ask_udp(NULL, NULL, d.text, WORLD_PORT), 0);
	assert_int_equal(netns_ping(NULL, d.text), 0);
	netns_kill(tcp);
	netns_kill(udp);
	world_dyno_close(w, &d);
}

void dyno_goes_out_under_the_hosts_address(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct world_dyno d;

	world_dyno_open(w, &d, "22222222-aaaa");
	world_assert_reaches(&d.ns, NULL, WORLD_INTERNET, seen);
	assert_string_equal(seen, WORLD_HOST);
	assert_int_equal(netns_ask_udp(&d.ns, NULL, WORLD_INTERNET, WORLD_PORT), 0);
	assert_int_equal(netns_ping(&d.ns, WORLD_INTERNET), 0);
	world_dyno_close(w, &d);
}

void nobody_comes_in_from_outside(void **state)
{
	struct world *w = *state;
	auto_free char *add = NULL, *del = NULL;
	struct world_dyno d;
	char seen[INET_ADDRSTRLEN];
	pid_t tcp, udp;

	world_dyno_open(w, &d, "2a222222-aaaa");
	world_assert_reaches(&d.ns, NULL, WORLD_INTERNET, seen);
	tcp = netns_serve(&d.ns, "0.0.0.0", WORLD_PORT);
	udp = netns_serve_udp(&d.ns, "0.0.0.0", WORLD_PORT);
	add = xasprintf("ip route add %s via " WORLD_HOST, d.text);
	del = xasprintf("ip route del %s via " WORLD_HOST, d.text);
	world_run(&w->internet, add);
	world_assert_refused(&w->internet, d.text);
	world_run(&w->internet, del);
	netns_kill(tcp);
	netns_kill(udp);
	world_dyno_close(w, &d);
}

/* ---- what is closed ---- */

void addresses_of_the_host_are_out_of_reach(void **state)
{
	static const char *const addresses[] = {
		WORLD_HOST, WORLD_GATEWAY, WORLD_BRIDGE,	/* with a server */
		"172.16.0.2", "172.16.63.255",
	};
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct world_dyno d;

	for (size_t i = 0; i < 3; i++)
		world_assert_reaches(NULL, NULL, addresses[i], seen);
	world_dyno_open(w, &d, "33333333-aaaa");
	world_assert_reaches(&d.ns, NULL, WORLD_INTERNET, seen);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		world_assert_refused(&d.ns, addresses[i]);
	world_dyno_close(w, &d);
}

/* With all rights in the namespace, loopback addresses can be made to leave. */
void loopback_of_the_host_is_out_of_reach(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct world_dyno d;

	world_assert_reaches(NULL, NULL, "127.0.0.1", seen);
	world_dyno_open(w, &d, "34333333-aaaa");
	world_assert_reaches(&d.ns, NULL, WORLD_INTERNET, seen);
	world_run(&d.ns, "ip addr del 127.0.0.1/8 dev lo");
	world_run(&d.ns, "sysctl -qw net.ipv4.conf.all.route_localnet=1");
	world_run(&d.ns, "ip route add 127.0.0.0/8 via " WORLD_GATEWAY
		  " dev eth0 onlink");
	world_assert_refused(&d.ns, "127.0.0.1");
	world_dyno_close(w, &d);
}

void metadata_service_is_out_of_reach(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct world_dyno d;

	world_assert_reaches(NULL, NULL, WORLD_METADATA, seen);
	world_dyno_open(w, &d, "44444444-aaaa");
	world_assert_reaches(&d.ns, NULL, WORLD_INTERNET, seen);
	world_assert_refused(&d.ns, WORLD_METADATA);
	world_dyno_close(w, &d);
}

void what_is_allowed_is_reached_though_it_is_the_hosts(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct world_dyno d;

	world_dyno_open(w, &d, "45444444-aaaa");
	world_assert_reaches(&d.ns, NULL, WORLD_ALLOWED, seen);
	assert_string_equal(seen, d.text);
	world_dyno_close(w, &d);
}

void dynos_reach_no_more_than_their_egress_says(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct world_dyno allowed, none;

	world_dyno_open_as(w, &allowed, "46444444-aaaa", NETWORK_EGRESS_ALLOWED);
	world_dyno_open_as(w, &none, "47444444-aaaa", NETWORK_EGRESS_NONE);
	world_assert_reaches(&allowed.ns, NULL, WORLD_ALLOWED, seen);
	world_assert_refused(&allowed.ns, WORLD_INTERNET);
	world_assert_refused(&allowed.ns, WORLD_HOST);
	world_assert_refused(&none.ns, WORLD_ALLOWED);
	world_assert_refused(&none.ns, WORLD_INTERNET);
	world_assert_refused(&none.ns, WORLD_HOST);
	world_dyno_close(w, &allowed);
	world_dyno_close(w, &none);
}

/* Datagrams to so many ports: as many connections for the host. */
#define FLOOD 9000
#define FLOOD_LIMIT 8192

struct flood {
	unsigned ports;			/* from 20000 on, in turn */
	unsigned datagrams;
};

static int flood(const void *arg)
{
	const struct flood *f = arg;
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, WORLD_INTERNET, &to.sin_addr);
	for (unsigned i = 0; i < f->datagrams; i++) {
		to.sin_port = htons((uint16_t)(20000 + i % f->ports));
		/* An error that came back from one of those before is not ours. */
		for (int n = 0; n < 3; n++)
			if (sendto(fd, "", 1, 0, (struct sockaddr *)&to,
				   sizeof(to)) == 1)
				break;
	}
	return 0;
}

static long connections(void)
{
	auto_buf text = BUF_INIT;

	assert_int_equal(file_read(AT_FDCWD,
				   "/proc/sys/net/netfilter/nf_conntrack_count",
				   32, &text, NULL), 0);
	return strtol(buf_str(&text), NULL, 10);
}

void connections_of_a_dyno_are_bounded(void **state)
{
	const struct flood one = { 1, 4 * FLOOD }, all = { FLOOD, FLOOD };
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct world_dyno d, other;
	long before;

	world_dyno_open(w, &d, "48444444-aaaa");
	world_dyno_open(w, &other, "49444444-aaaa");
	world_assert_reaches(&d.ns, NULL, WORLD_INTERNET, seen);
	before = connections();
	netns_call(&d.ns, flood, &one);		/* nobody answers: stays new */
	world_assert_reaches(&d.ns, NULL, WORLD_INTERNET, seen);
	netns_call(&d.ns, flood, &all);
	/* What was closed before is there still, and not counted. */
	assert_in_range(connections() - before, FLOOD_LIMIT - 200, FLOOD_LIMIT + 8);
	assert_int_not_equal(netns_ask_udp(&d.ns, NULL, WORLD_INTERNET, WORLD_PORT), 0);
	world_assert_reaches(&other.ns, NULL, WORLD_INTERNET, seen);
	assert_int_equal(netns_ask_udp(&other.ns, NULL, WORLD_INTERNET, WORLD_PORT), 0);
	world_dyno_close(w, &d);
	world_dyno_close(w, &other);
}

/* ---- neighbours ---- */

/* What a dyno could do that has all rights in its namespace: the other one's
 * address is on the link, behind its hardware address. */
static void make_neighbour(const struct world_dyno *a, const struct world_dyno *b)
{
	uint32_t n = ntohl(b->address.s_addr);
	auto_free char *route = xasprintf("ip route add %s dev eth0", b->text);
	auto_free char *neighbour = xasprintf(
		"ip neigh replace %s lladdr 02:64:ac:10:%02x:%02x dev eth0",
		b->text, n >> 8 & 255, n & 255);

	world_run(&a->ns, route);
	world_run(&a->ns, neighbour);
}

void dynos_do_not_reach_each_other(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct world_dyno a, b;
	pid_t tcp, udp;

	world_dyno_open(w, &a, "55555555-aaaa");
	world_dyno_open(w, &b, "66666666-aaaa");
	tcp = netns_serve(&b.ns, "0.0.0.0", WORLD_PORT);
	udp = netns_serve_udp(&b.ns, "0.0.0.0", WORLD_PORT);
	world_assert_reaches(NULL, NULL, b.text, seen);
	world_assert_reaches(&a.ns, NULL, WORLD_INTERNET, seen);
	world_assert_refused(&a.ns, b.text);
	make_neighbour(&a, &b);
	make_neighbour(&b, &a);
	world_assert_refused(&a.ns, b.text);
	netns_kill(tcp);
	netns_kill(udp);
	world_dyno_close(w, &a);
	world_dyno_close(w, &b);
}

/* ---- frames of any kind ---- */

static const uint8_t broadcast[NETNS_MAC_BYTES] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};
static const uint8_t multicast[NETNS_MAC_BYTES] = { 0x01, 0x00, 0x5e, 0, 0, 1 };
static const uint8_t all_nodes[NETNS_MAC_BYTES] = { 0x33, 0x33, 0, 0, 0, 1 };
static const uint8_t spanning_tree[NETNS_MAC_BYTES] = {
	0x01, 0x80, 0xc2, 0, 0, 0,
};

/* "source has this hardware address": what poisons a neighbour's table. */
static void add_arp(struct netns_frame *f, uint16_t operation,
		    struct in_addr source, const uint8_t mac[NETNS_MAC_BYTES],
		    struct in_addr target, unsigned number)
{
	struct {
		struct arphdr head;
		uint8_t source_mac[NETNS_MAC_BYTES], source[4];
		uint8_t target_mac[NETNS_MAC_BYTES], target[4];
	} __attribute__((packed)) arp = {
		.head = { htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), 6, 4,
			  htons(operation) },
	};

	memcpy(arp.source_mac, mac, sizeof(arp.source_mac));
	memcpy(arp.source, &source, sizeof(arp.source));
	memcpy(arp.target, &target, sizeof(arp.target));
	netns_frame_add(f, &arp, sizeof(arp));
	netns_frame_add_mark(f, number);
}

static void add_ip(struct netns_frame *f, struct in_addr source,
		   struct in_addr target, unsigned number)
{
	struct iphdr ip = {
		.version = 4, .ihl = 5, .ttl = 9, .protocol = IPPROTO_UDP,
		.tot_len = htons(sizeof(ip) + sizeof(NETNS_MARK) + 1),
		.saddr = source.s_addr, .daddr = target.s_addr,
	};
	const uint16_t *half = (const void *)&ip;
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(ip) / sizeof(*half); i++)
		sum += half[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip.check = (uint16_t)~((sum & 0xffff) + (sum >> 16));
	netns_frame_add(f, &ip, sizeof(ip));
	netns_frame_add_mark(f, number);
}

/* The neighbour discovery's "I am the router" would look like this; what counts
 * is that nothing of IPv6 gets through. */
static void add_ipv6(struct netns_frame *f, unsigned number)
{
	uint8_t head[40] = { 0x60, [5] = sizeof(NETNS_MARK) + 1, [6] = 58, [7] = 255,
			     [8] = 0xfe, 0x80, [23] = 1, [24] = 0xff, 2, [39] = 1 };

	netns_frame_add(f, head, sizeof(head));
	netns_frame_add_mark(f, number);
}

enum forgery {
	FORGERY_NONE, FORGERY_ARP, FORGERY_IP, FORGERY_MAC, FORGERY_IPV6,
	FORGERY_VLAN, FORGERY_STP,
};

/* A frame of a to the given hardware address. */
static void forge(struct netns_frame *f, unsigned number, enum forgery what,
		  const uint8_t to[NETNS_MAC_BYTES], const struct world_dyno *a,
		  struct in_addr target)
{
	static const uint8_t vlan_ip[4] = { 0, 1, 0x08, 0x00 };
	const struct in_addr other = { htonl(ntohl(a->address.s_addr) + 77) };
	uint8_t mine[NETNS_MAC_BYTES], others[NETNS_MAC_BYTES];
	static const uint16_t types[] = {
		[FORGERY_ARP] = ETHERTYPE_ARP, [FORGERY_IPV6] = ETHERTYPE_IPV6,
		[FORGERY_VLAN] = ETHERTYPE_VLAN, [FORGERY_STP] = 39,
		[FORGERY_NONE] = ETHERTYPE_IP, [FORGERY_IP] = ETHERTYPE_IP,
		[FORGERY_MAC] = ETHERTYPE_IP,
	};

	network_link_mac(a->address, mine);
	network_link_mac(other, others);
	netns_frame_begin(f, to, what == FORGERY_MAC ? others : mine, types[what]);
	if (what == FORGERY_VLAN)
		netns_frame_add(f, vlan_ip, sizeof(vlan_ip));
	if (what == FORGERY_ARP)
		add_arp(f, ARPOP_REPLY, target, mine, target, number);
	else if (what == FORGERY_IPV6)
		add_ipv6(f, number);
	else if (what == FORGERY_STP)
		netns_frame_add_mark(f, number);
	else
		add_ip(f, what == FORGERY_IP ? other : a->address, target, number);
}

void frames_do_not_reach_another_dyno(void **state)
{
	static const enum forgery kinds[] = {
		FORGERY_NONE, FORGERY_ARP, FORGERY_IP, FORGERY_MAC, FORGERY_IPV6,
		FORGERY_VLAN,
	};
	struct world *w = *state;
	uint8_t mac[NETNS_MAC_BYTES], gateway[NETNS_MAC_BYTES];
	const uint8_t *to[] = { mac, gateway, broadcast, multicast, all_nodes };
	char seen[INET_ADDRSTRLEN];
	struct world_dyno a, b;
	struct netns_frame f;
	pid_t listener;

	world_dyno_open(w, &a, "67666666-aaaa");
	world_dyno_open(w, &b, "68666666-aaaa");
	world_assert_reaches(&a.ns, NULL, WORLD_INTERNET, seen);
	world_assert_reaches(&b.ns, NULL, WORLD_INTERNET, seen);
	network_link_mac(b.address, mac);
	network_link_mac(network_gateway(w->network), gateway);
	listener = netns_frame_listen(&b.ns, "eth0");
	for (unsigned i = 0; i < ARRAY_SIZE(kinds) * ARRAY_SIZE(to); i++) {
		forge(&f, i, kinds[i / ARRAY_SIZE(to)], to[i % ARRAY_SIZE(to)],
		      &a, b.address);
		netns_frame_send(&a.ns, "eth0", &f);
	}
	assert_int_equal(netns_frame_heard(listener), NETNS_FRAME_NONE);

	/* One of the host is heard there. */
	listener = netns_frame_listen(&b.ns, "eth0");
	netns_frame_begin(&f, mac, gateway, ETHERTYPE_IP);
	add_ip(&f, network_gateway(w->network), b.address, 99);
	netns_frame_send(NULL, "dyno0", &f);
	assert_int_equal(netns_frame_heard(listener), 99);
	world_dyno_close(w, &a);
	world_dyno_close(w, &b);
}

void forged_frames_do_not_reach_the_host(void **state)
{
	static const enum forgery kinds[] = {
		FORGERY_ARP, FORGERY_IP, FORGERY_MAC, FORGERY_IPV6, FORGERY_VLAN,
		FORGERY_STP,
	};
	struct world *w = *state;
	uint8_t gateway[NETNS_MAC_BYTES];
	const uint8_t *to[] = { gateway, broadcast, spanning_tree };
	const struct in_addr target = network_gateway(w->network);
	char seen[INET_ADDRSTRLEN];
	struct netns_frame f;
	struct world_dyno d;
	pid_t listener;

	world_dyno_open(w, &d, "69666666-aaaa");
	world_assert_reaches(&d.ns, NULL, WORLD_INTERNET, seen);
	network_link_mac(target, gateway);
	listener = netns_frame_listen(NULL, "dyno0");
	for (unsigned i = 0; i < ARRAY_SIZE(kinds) * ARRAY_SIZE(to); i++) {
		forge(&f, i, kinds[i / ARRAY_SIZE(to)], to[i % ARRAY_SIZE(to)],
		      &d, target);
		netns_frame_send(&d.ns, "eth0", &f);
	}
	assert_int_equal(netns_frame_heard(listener), NETNS_FRAME_NONE);

	/* An honest one is heard there. */
	listener = netns_frame_listen(NULL, "dyno0");
	forge(&f, 99, FORGERY_NONE, gateway, &d, target);
	netns_frame_send(&d.ns, "eth0", &f);
	assert_int_equal(netns_frame_heard(listener), 99);
	world_dyno_close(w, &d);
}

/* ---- with an answer on its way ---- */

/* The way back is open for the wrong address, so that only the check of the
 * source is between the dyno and an answer. */
void other_source_addresses_are_dropped(void **state)
{
	struct world *w = *state;
	auto_free char *back = NULL;
	char seen[INET_ADDRSTRLEN];
	struct world_dyno d;

	world_dyno_open(w, &d, "77777777-aaaa");
	back = xasprintf("ip neigh replace 172.16.9.9 lladdr 02:64:ac:10:%02x:%02x "
			 "dev dyno0", ntohl(d.address.s_addr) >> 8 & 255,
			 ntohl(d.address.s_addr) & 255);
	world_run(NULL, back);
	world_run(&d.ns, "ip addr add 172.16.9.9/32 dev eth0");
	world_assert_reaches(&d.ns, d.text, WORLD_INTERNET, seen);
	assert_int_equal(netns_connect(&d.ns, "172.16.9.9", WORLD_INTERNET,
				       WORLD_PORT, seen), ETIMEDOUT);
	assert_int_equal(netns_ask_udp(&d.ns, "172.16.9.9", WORLD_INTERNET,
				       WORLD_PORT), ETIMEDOUT);
	world_run(NULL, "ip neigh del 172.16.9.9 dev dyno0");
	world_dyno_close(w, &d);
}

void other_hardware_addresses_are_dropped(void **state)
{
	struct world *w = *state;
	auto_free char *back = NULL, *fdb = NULL;
	char seen[INET_ADDRSTRLEN];
	struct world_dyno d;

	world_dyno_open(w, &d, "7a777777-aaaa");
	world_assert_reaches(&d.ns, NULL, WORLD_INTERNET, seen);
	back = xasprintf("ip neigh replace %s lladdr 02:64:00:00:00:77 dev dyno0",
			 d.text);
	world_run(NULL, back);
	fdb = xasprintf("bridge fdb replace 02:64:00:00:00:77 dev %s master "
			"static", d.link);
	world_run(NULL, fdb);
	world_run(&d.ns, "ip link set eth0 address 02:64:00:00:00:77");
	assert_int_equal(netns_connect(&d.ns, NULL, WORLD_INTERNET, WORLD_PORT,
				       seen), ETIMEDOUT);
	world_dyno_close(w, &d);
}

static int ipv6_addresses(const void *arg)
{
	auto_buf text = BUF_INIT;

	if (file_read(AT_FDCWD, "/proc/net/if_inet6", 4096, &text, NULL) < 0)
		return 0;
	return strstr(buf_str(&text), "eth0") ? 1 : 0;
}

void there_is_no_ipv6_on_eth0(void **state)
{
	struct world *w = *state;
	struct world_dyno d;

	world_dyno_open(w, &d, "88888888-aaaa");
	assert_int_equal(netns_call(&d.ns, ipv6_addresses, NULL), 0);
	world_dyno_close(w, &d);
}
