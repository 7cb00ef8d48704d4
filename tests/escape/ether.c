/*
 * ether.c - probes: frames on the wire, as only root of the dyno can send them.
 *
 * The other end of the wire is a port of the host's bridge: no frame goes to
 * another port, and the host believes none that says it is somebody else.
 */
#include "base/base.h"
#include "tests/escape/probe.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define ETHER_PATIENCE_MSEC 150

struct ether {
	int fd;
	uint8_t mac[ETH_ALEN];
	struct in_addr address;
};

static const uint8_t everybody[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };

static int ether_open(struct ether *e)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq ifr = { .ifr_name = "eth0" };
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex("eth0"),
	};

	e->fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	if (s < 0 || e->fd < 0 || ioctl(s, SIOCGIFHWADDR, &ifr) < 0)
		return -1;
	memcpy(e->mac, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	if (ioctl(s, SIOCGIFADDR, &ifr) < 0)
		return -1;
	e->address = ((struct sockaddr_in *)(void *)&ifr.ifr_addr)->sin_addr;
	return bind(e->fd, (void *)&to, sizeof(to));
}

/* The address in a setting "A.B.C.D:PORT". */
static struct in_addr ether_setting(const char *name)
{
	const char *text = probe_setting(name);
	struct in_addr a = { 0 };
	char address[32];

	if (!text)
		probe_say("no address given");
	snprintf(address, sizeof(address), "%.*s", (int)strcspn(text, ":"), text);
	if (inet_pton(AF_INET, address, &a) != 1)
		probe_say("no address: %s", text);
	return a;
}

static int ether_send(const struct ether *e, const uint8_t *from, uint16_t type,
		      const void *body, size_t n)
{
	uint8_t frame[256] = { 0 };
	struct ether_header h = { .ether_type = htons(type) };

	memcpy(h.ether_dhost, everybody, ETH_ALEN);
	memcpy(h.ether_shost, from, ETH_ALEN);
	memcpy(frame, &h, sizeof(h));
	memcpy(frame + sizeof(h), body, n);
	return (int)send(e->fd, frame, sizeof(h) + n, 0);
}

/* "answer", if anything but what is sent here itself comes in. */
static int ether_answer(const struct ether *e)
{
	struct pollfd p = { .fd = e->fd, .events = POLLIN };
	uint8_t frame[2048];

	while (poll(&p, 1, ETHER_PATIENCE_MSEC) > 0) {
		struct sockaddr_ll from;
		socklen_t len = sizeof(from);

		if (recvfrom(e->fd, frame, sizeof(frame), 0, (void *)&from, &len) > 0 &&
		    from.sll_pkttype != PACKET_OUTGOING)
			probe_say("answer");
	}
	probe_say("no answer");
}

static int ether_arp(const struct ether *e, uint16_t op, struct in_addr from,
		     struct in_addr to)
{
	struct ether_arp m = { .arp_op = htons(op), .arp_hrd = htons(ARPHRD_ETHER),
			       .arp_pro = htons(ETH_P_IP), .arp_hln = ETH_ALEN,
			       .arp_pln = 4 };

	memcpy(m.arp_sha, e->mac, ETH_ALEN);
	memcpy(m.arp_spa, &from, 4);
	memcpy(m.arp_tpa, &to, 4);
	return ether_send(e, e->mac, ETH_P_ARP, &m, sizeof(m));
}

/* Who has setting args[0]? Asked by who one is, or by setting args[1]. */
static int ether_ask(const struct probe *p)
{
	struct in_addr to = ether_setting(p->args[0]), from;
	struct ether e;

	if (ether_open(&e) < 0)
		return -1;
	from = p->args[1] ? ether_setting(p->args[1]) : e.address;
	if (ether_arp(&e, ARPOP_REQUEST, from, to) < 0)
		return -1;
	return ether_answer(&e);
}

/* "I am setting args[0]", without being asked; the test looks who believed it. */
static int ether_claim(const struct probe *p)
{
	struct in_addr who = ether_setting(p->args[0]);
	struct ether e;

	return ether_open(&e) < 0 ? -1 : ether_arp(&e, ARPOP_REPLY, who, who);
}

/* Whoever there is that speaks IPv6, speak: an echo request to ff02::1. */
static int ether_six(const struct probe *p)
{
	static const uint8_t packet[] = {
		0x60, 0, 0, 0, 0, 8, 58, 255,
		0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9,
		0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
		128, 0, 0x83, 0xa8, 0, 1, 0, 1,
	};
	struct ether e;

	if (ether_open(&e) < 0 ||
	    ether_send(&e, e.mac, ETH_P_IPV6, packet, sizeof(packet)) < 0)
		return -1;
	return ether_answer(&e);
}

/* A neighbour's packet to the host, from here: UDP to setting args[0]. */
static int ether_spoof(const struct probe *p)
{
	static const uint8_t other[ETH_ALEN] = { 2, 0x64, 1, 2, 3, 4 };
	struct in_addr from = ether_setting("neighbour"), to = ether_setting(p->args[0]);
	uint8_t packet[29] = { 0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17 };
	const char *port = strchr(probe_setting(p->args[0]), ':');
	uint16_t udp[4] = { htons(9), 0, htons(9), 0 };
	uint32_t sum = 0;
	struct ether e;

	udp[1] = htons((uint16_t)strtoul(port + 1, NULL, 10));
	memcpy(packet + 12, &from, 4);
	memcpy(packet + 16, &to, 4);
	memcpy(packet + 20, udp, sizeof(udp));
	packet[28] = 's';
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)packet[i] << 8 | packet[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	packet[10] = (uint8_t)(sum >> 8);
	packet[11] = (uint8_t)sum;
	if (ether_open(&e) < 0 ||
	    ether_send(&e, e.mac, ETH_P_IP, packet, sizeof(packet)) < 0 ||
	    ether_send(&e, other, ETH_P_IP, packet, sizeof(packet)) < 0)
		return -1;
	return ether_answer(&e);
}

#define ROOT(want) { "EAFNOSUPPORT", "EPERM", want }

const struct probe probe_ether[] = {
	{ "ask for another dyno by ARP", ROOT("no answer"), ether_ask, 0,
	  { "neighbour" } },
	{ "ask for the host as another dyno", ROOT("no answer"), ether_ask, 0,
	  { "gateway", "neighbour" } },
	{ "be the gateway by ARP", ROOT("ok"), ether_claim, 0, { "gateway" } },
	{ "be another dyno by ARP", ROOT("ok"), ether_claim, 0, { "neighbour" } },
	{ "ask everybody by IPv6", ROOT("no answer"), ether_six },
	{ "send as another dyno", ROOT("no answer"), ether_spoof, 0, { "gateway" } },
	{ NULL },
};
