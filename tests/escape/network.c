/*
 * network.c - probes: kinds of sockets, the dyno's link, and whom it reaches.
 *
 * Root of the dyno's namespace owns its network and may change all of it; what
 * leaves it is judged by the host.
 */
#include "base/base.h"
#include "tests/escape/probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define NETWORK_PATIENCE_MSEC 700

/* ---- the dyno's own link ---- */

/* A netlink request, and what the kernel says. */
static int network_request(uint16_t type, const void *body, size_t n, uint16_t attr,
			   uint32_t value)
{
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	struct rtattr head = { .rta_len = RTA_LENGTH(sizeof(value)), .rta_type = attr };
	struct nlmsghdr h = { .nlmsg_type = type, .nlmsg_seq = 1,
			      .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE };
	char data[128];
	size_t len = sizeof(h);
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		char rest[512];
	} answer;

	memcpy(data + len, body, n);
	len += n;
	memcpy(data + len, &head, sizeof(head));
	memcpy(data + len + sizeof(head), &value, sizeof(value));
	len += head.rta_len;
	h.nlmsg_len = (uint32_t)len;
	memcpy(data, &h, sizeof(h));
	if (s < 0 || send(s, data, len, 0) < 0 ||
	    recv(s, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer.head))
		return -1;
	errno = -answer.err.error;
	return errno ? -1 : 0;
}

static int network_link(const struct probe *p)
{
	struct ifinfomsg m = { .ifi_index = (int)if_nametoindex("eth0") };

	return network_request(RTM_NEWLINK, &m, sizeof(m), IFLA_TXQLEN, 1000);
}

static int network_address(const struct probe *p)
{
	struct ifaddrmsg m = { .ifa_family = AF_INET, .ifa_prefixlen = 32,
			       .ifa_index = if_nametoindex("lo") };

	return network_request(RTM_NEWADDR, &m, sizeof(m), IFA_LOCAL, htonl(0x7f090909));
}

/* To 198.51.100.1, which is nowhere. */
static int network_route(const struct probe *p)
{
	struct rtmsg m = { .rtm_family = AF_INET, .rtm_dst_len = 32,
			   .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
			   .rtm_type = RTN_BLACKHOLE };

	return network_request(RTM_NEWROUTE, &m, sizeof(m), RTA_DST, htonl(0xc6336401));
}

static int network_flags(const struct probe *p)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq ifr = { .ifr_name = "eth0" };

	if (s < 0 || ioctl(s, SIOCGIFFLAGS, &ifr) < 0)
		return -1;
	return ioctl(s, SIOCSIFFLAGS, &ifr);	/* to what they are */
}

static int network_option(const struct probe *p)
{
	int s = socket(AF_INET, SOCK_STREAM, 0), value = 1;

	return setsockopt(s, SOL_SOCKET, (int)(uintptr_t)p->args[0], &value,
			  sizeof(value));
}

/* ---- whom it reaches ---- */

/* To the address that setting args[0] tells, "A.B.C.D:PORT". */
static int network_connect(const struct probe *p)
{
	const char *text = probe_setting(p->args[0]), *colon;
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct pollfd poll_fd = { .events = POLLOUT };
	char address[32];
	int err = 0, s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(err);

	colon = text ? strchr(text, ':') : NULL;
	if (!colon)
		probe_say("no address given");
	snprintf(address, sizeof(address), "%.*s", (int)(colon - text), text);
	to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		probe_say("no address: %s", text);
	if (connect(s, (void *)&to, sizeof(to)) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -1;
	poll_fd.fd = s;
	if (poll(&poll_fd, 1, NETWORK_PATIENCE_MSEC) == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	getsockopt(s, SOL_SOCKET, SO_ERROR, &err, &len);
	errno = err;
	return err ? -1 : 0;
}

/* A unix socket by name: in the file system, or (@) without one. */
static int network_unix(const struct probe *p)
{
	const char *name = probe_setting(p->args[0]);
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t n = name ? strlen(name) : 0;

	if (n == 0 || n >= sizeof(to.sun_path))
		probe_say("no name given");
	memcpy(to.sun_path, name, n);
	if (*name == '@')
		to.sun_path[0] = '\0';
	n += offsetof(struct sockaddr_un, sun_path);
	return connect(s, (void *)&to, (socklen_t)n);
}

/* A table of the network shows nobody else's entries. */
static int network_table(const struct probe *p)
{
	static char text[1 << 16];
	const char *needle = probe_setting(p->args[1]);

	if (probe_slurp(p->args[0], text, sizeof(text)) < 0)
		return -1;
	probe_say("%s", needle && strstr(text, needle) ? "the host's" : "its own");
}

/* The names of links: one to the outside. */
static int network_links(const struct probe *p)
{
	struct if_nameindex *links = if_nameindex();
	char all[256] = "";
	size_t len = 0;

	for (struct if_nameindex *l = links; l && l->if_index; l++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s",
					len ? " " : "", l->if_name);
	probe_say("%s", all);
}

#define SOCKET(family, type, protocol) \
	NULL, SYS_socket, { N(family), N(type), N(protocol) }
#define ABSENT "EAFNOSUPPORT|EPROTONOSUPPORT|ESOCKTNOSUPPORT"
#define ALL(want) { want, want, want }
/* As a kernel says that was built without the one or the other. */
#define NO_FAMILY "EAFNOSUPPORT"
#define NO_PROTOCOL "EPROTONOSUPPORT"

const struct probe probe_network[] = {
	/* Kinds of sockets. What root gets, is about his own network. */
	{ "a packet socket", { NO_FAMILY, "EPERM", "ok" }, SOCKET(AF_PACKET, SOCK_RAW,
	  0x300) },
	{ "a raw socket", { "EPERM", "EPERM", "ok" }, SOCKET(AF_INET, SOCK_RAW, 1) },
	{ "a raw IPv6 socket", { "EPERM|" ABSENT, "EPERM|" ABSENT, "ok|" ABSENT },
	  SOCKET(AF_INET6, SOCK_RAW, 58) },
	{ "AF_VSOCK", { NO_FAMILY, NULL, NULL }, SOCKET(AF_VSOCK, SOCK_STREAM, 0) },
	{ "AF_ALG", { NO_FAMILY, NULL, NULL }, SOCKET(AF_ALG, SOCK_SEQPACKET, 0) },
	{ "AF_BLUETOOTH", { NO_FAMILY, NULL, NULL }, SOCKET(AF_BLUETOOTH, SOCK_RAW, 1) },
	{ "AF_TIPC", { NO_FAMILY, NULL, NULL }, SOCKET(AF_TIPC, SOCK_RDM, 0) },
	{ "AF_RDS", { NO_FAMILY, NULL, NULL }, SOCKET(AF_RDS, SOCK_SEQPACKET, 0) },
	{ "AF_CAN", { NO_FAMILY, NULL, NULL }, SOCKET(AF_CAN, SOCK_RAW, 1) },
	{ "AF_KCM", { NO_FAMILY, NULL, NULL }, SOCKET(AF_KCM, SOCK_DGRAM, 0) },
	{ "AF_XDP", { NO_FAMILY, NULL, NULL }, SOCKET(44 /* AF_XDP */, SOCK_RAW, 0) },
	{ "AF_SMC", { NO_FAMILY, NULL, NULL }, SOCKET(43 /* AF_SMC */, SOCK_STREAM, 0) },
	{ "a packet socket behind a high bit", { NO_FAMILY, NULL, NULL },
	  SOCKET(1UL << 32 | AF_PACKET, SOCK_RAW, 0x300) },
	{ "netlink: audit", { NO_PROTOCOL, NULL, NULL }, SOCKET(AF_NETLINK, SOCK_RAW,
	  NETLINK_AUDIT) },
	{ "netlink: netfilter", { NO_PROTOCOL, NULL, NULL },
	  SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) },
	{ "netlink: events of devices", { NO_PROTOCOL, NULL, NULL },
	  SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT) },
	{ "netlink: generic", { NO_PROTOCOL, NULL, NULL },
	  SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC) },
	{ "netlink: tables of crypto", { NO_PROTOCOL, NULL, NULL },
	  SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_CRYPTO) },
	{ "netlink: sockets of all", { NO_PROTOCOL, NULL, NULL },
	  SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG) },

	/* The link. */
	{ "names of links", ALL("lo eth0"), network_links },
	{ "change the link", { "EPERM", "EPERM", "ok" }, network_link },
	{ "add an address", { "EPERM", "EPERM", "ok" }, network_address },
	{ "add a route", { "EPERM", "EPERM", "ok" }, network_route },
	{ "take the link down", { "EPERM", "EPERM", "ok" }, network_flags },
	{ "marks of packets", { "EPERM", "EPERM", "ok" }, network_option, 0,
	  { N(SO_MARK) } },
	{ "larger buffers than allowed", ALL("EPERM"), network_option, 0,
	  { N(SO_RCVBUFFORCE) } },
	{ "debugging of sockets", ALL("EACCES"), network_option, 0, { N(SO_DEBUG) } },

	/* Others. */
	{ "the host's address", ALL("EHOSTUNREACH"), network_connect, 0, { "gateway" } },
	{ "another address of the host", ALL("EHOSTUNREACH"), network_connect, 0,
	  { "host" } },
	{ "another dyno", ALL("ETIMEDOUT"), network_connect, 0, { "neighbour" } },
	{ "the metadata service", ALL("EHOSTUNREACH|ENETUNREACH"), network_connect, 0,
	  { "metadata" } },
	{ "the host's loopback", ALL("ECONNREFUSED"), network_connect, 0,
	  { "loopback" } },
	{ "an abstract socket of the host", ALL("ECONNREFUSED"), network_unix, 0,
	  { "abstract" } },
	{ "a socket file of the host", ALL("ENOENT"), network_unix, 0, { "socket" } },
	{ "names of unix sockets", ALL("its own"), network_table, 0, { "/proc/net/unix",
	  "abstract" } },
	{ NULL },
};
