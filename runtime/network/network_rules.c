#include "runtime/network/network_rules.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "runtime/network/network_link.h"
#include "runtime/network/network_pool.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define NFT_TIMEOUT_MSEC 30000
#define NFT_OUTPUT_MAX 4096

/* ---- elements ---- */

/* Where a packet of the dyno goes on; "return" is to the rules for allowed
 * destinations only. */
static const char *const egress_verdicts[NETWORK_EGRESS_COUNT] = {
	[NETWORK_EGRESS_INTERNET] = "accept",
	[NETWORK_EGRESS_ALLOWED] = "return",
	[NETWORK_EGRESS_NONE] = "drop",
};

static void rules_address(struct buf *ret, struct in_addr address)
{
	char text[INET_ADDRSTRLEN];

	buf_adds(ret, inet_ntop(AF_INET, &address, text, sizeof(text)));
}

/* "elements = { a, b }"; nft takes no empty braces. */
static void rules_elements(const struct network_rules *rules, struct buf *ret,
			   void (*add)(struct buf *, const struct network_member *))
{
	for (size_t i = 0; i < rules->n_members; i++) {
		buf_adds(ret, i ? ", " : "elements = { ");
		add(ret, &rules->members[i]);
	}
	buf_adds(ret, rules->n_members ? " }\n}\n" : "}\n");
}

static void rules_add_egress(struct buf *ret, const struct network_member *m)
{
	rules_address(ret, m->address);
	buf_addf(ret, " : %s", egress_verdicts[m->egress]);
}

static void rules_add_source(struct buf *ret, const struct network_member *m)
{
	uint8_t mac[NETWORK_MAC_BYTES];

	network_link_mac(m->address, mac);
	buf_addf(ret, "%u . ", network_link_index(m->address));
	for (size_t i = 0; i < sizeof(mac); i++)
		buf_addf(ret, "%s%02x", i ? ":" : "", mac[i]);
	buf_adds(ret, " . ");
	rules_address(ret, m->address);
}

/* ---- routed packets ---- */

static void rules_sets(const struct network_rules *rules, struct buf *ret)
{
	buf_adds(ret, "map " NETWORK_RULES_EGRESS
		      " {\ntype ipv4_addr : verdict\n");
	rules_elements(rules, ret, rules_add_egress);
	buf_adds(ret, "map " NETWORK_RULES_SERVERS
		      " {\ntype ipv4_addr : ipv4_addr\n");
	for (unsigned i = 0; rules->servers && i < NETWORK_SERVERS; i++) {
		buf_adds(ret, i ? ", " : "elements = { ");
		rules_address(ret, network_pool_server(rules->instance, i));
		buf_adds(ret, " : ");
		rules_address(ret, rules->servers[i]);
	}
	buf_adds(ret, rules->servers ? " }\n}\n" : "}\n");
	buf_addf(ret, "set busy {\ntype ipv4_addr\nsize %u\nflags dynamic\n}\n",
		 NETWORK_POOL_SIZE);
	buf_adds(ret, "set allowed {\ntype ipv4_addr\nflags interval\n"
		      "auto-merge\n");
	for (size_t i = 0; i < rules->n_allowed; i++) {
		buf_adds(ret, i ? ", " : "elements = { ");
		rules_address(ret, rules->allowed[i].address);
		buf_addf(ret, "/%u", rules->allowed[i].length);
	}
	buf_adds(ret, rules->n_allowed ? " }\n}\n" : "}\n");
}

/*
 * So many connections may a dyno have, of those that it began: a small part of
 * the table that all of the host share. Only first packets are counted, since a
 * connection that nobody answers stays new, and the kernel would count it again
 * and again. Those that are closed, and rest, do not count: when the table is
 * full, the kernel drops them first. Elements come by themselves.
 */
#define CONNECTIONS "8192"
#define BOUND "ct state new ct status & confirmed == 0 " \
	"add @busy { ip saddr ct count over " CONNECTIONS " } drop\n"

#define REFUSE "reject with icmp type admin-prohibited\n"
#define TO_SERVER "ct status dnat meta l4proto { tcp, udp } th dport 53 "

/*
 * A verdict of "accept" ends our chain, not the host's own ones: whatever the
 * operator forbids stays forbidden. Refusals are spoken (reject), so that a
 * library which probes for a metadata service does not wait. A name server may
 * be an address of the host or a link-local one: what was sent to a fixed one
 * may reach it. A packet that belongs to no connection would leave with the dyno's address.
 */
void network_rules_inet(const struct network_rules *rules, struct buf *ret)
{
	struct in_addr network = network_pool_network(rules->instance);
	char net[INET_ADDRSTRLEN], br[IFNAMSIZ];

	inet_ntop(AF_INET, &network, net, sizeof(net));
	snprintf(br, sizeof(br), "dyno%u", rules->instance % NETWORK_INSTANCES);
	buf_addf(ret, "table inet %s\ndelete table inet %s\ntable inet %s {\n",
		 br, br, br);
	rules_sets(rules, ret);
	buf_addf(ret,
		 "chain input {\n"
		 "type filter hook input priority -10; policy accept;\n"
		 "iifname != \"%s\" return\n"
		 "ct state established,related accept\n"
		 BOUND
		 TO_SERVER "ip saddr vmap @egress\n"
		 "ip daddr @allowed ip saddr vmap @egress\n"
		 "meta nfproto ipv4 " REFUSE
		 "drop\n}\n", br);
	buf_adds(ret,
		 "chain out {\n"
		 "meta nfproto != ipv4 drop\n"
		 "ct state invalid drop\n"
		 "oifname \"dyno*\" drop\n"
		 BOUND
		 TO_SERVER "ip saddr vmap @egress\n"
		 "ip daddr 169.254.0.0/16 ip daddr != @allowed " REFUSE
		 "ip saddr vmap @egress\n"
		 "drop\n}\n");
	buf_addf(ret,
		 "chain forward {\n"
		 "type filter hook forward priority -10; policy accept;\n"
		 "iifname \"%s\" jump out\n"
		 "iifname \"%s\" " TO_SERVER "accept\n"
		 "iifname \"%s\" ip daddr @allowed accept\n"
		 "iifname \"%s\" " REFUSE
		 "oifname \"%s\" ct state established,related accept\n"
		 "oifname \"%s\" drop\n}\n", br, br, br, br, br, br);
	buf_addf(ret,
		 "chain ask {\n"
		 "type nat hook prerouting priority -100; policy accept;\n"
		 "iifname \"%s\" meta l4proto { tcp, udp } th dport 53 "
		 "dnat ip to ip daddr map @" NETWORK_RULES_SERVERS "\n}\n", br);
	buf_addf(ret,
		 "chain leave {\n"
		 "type nat hook postrouting priority 100; policy accept;\n"
		 "ip saddr %s/%u oifname != \"%s\" masquerade\n}\n}\n", net,
		 NETWORK_POOL_PREFIX, br);
}

/* ---- packets at the ports ---- */

void network_rules_bridge(const struct network_rules *rules, struct buf *ret)
{
	unsigned i = rules->instance;

	buf_addf(ret, "table bridge dyno%u\ndelete table bridge dyno%u\n"
		 "table bridge dyno%u {\n", i, i, i);
	buf_adds(ret, "set " NETWORK_RULES_SOURCES
		      " {\ntype iface_index . ether_addr . ipv4_addr\n");
	rules_elements(rules, ret, rules_add_source);
	buf_addf(ret,
		 "chain port {\n"
		 "ether type ip iif . ether saddr . ip saddr @"
		 NETWORK_RULES_SOURCES " accept\n"
		 "drop\n}\n"
		 "chain prerouting {\n"
		 "type filter hook prerouting priority -300; policy accept;\n"
		 "iifname \"dyno%u-*\" jump port\n}\n}\n", i);
}

/* ---- the nft program ---- */

static const char *rules_program(void)
{
	static const char *const paths[] = {
		"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft",
		"/usr/local/sbin/nft",
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

static int rules_memfd(const char *text, struct error *e)
{
	int fd = memfd_create("nft", MFD_CLOEXEC), r;

	if (fd < 0)
		return error_sys(e, "create a memory file");
	r = file_write_all(fd, text, strlen(text), e);
	if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = error_sys(e, "rewind a memory file");
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

/* The first line that nft wrote, or "". */
static void rules_message(int fd, char out[NFT_OUTPUT_MAX])
{
	ssize_t n = pread(fd, out, NFT_OUTPUT_MAX - 1, 0);

	out[n < 0 ? 0 : n] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

int network_rules_load(const char *text, struct error *e)
{
	auto_close int in_fd = rules_memfd(text, e);
	auto_close int out_fd = in_fd < 0 ? -1 : rules_memfd("", e);
	const char *path = rules_program();
	char *argv[] = { (char *)(uintptr_t)"nft", (char *)(uintptr_t)"-f",
			 (char *)(uintptr_t)"-", NULL };
	struct process_spec spec = PROCESS_SPEC_INIT;
	char message[NFT_OUTPUT_MAX];
	auto_close int pidfd = -1;
	struct pollfd p;
	int r, status;
	pid_t pid;

	if (in_fd < 0 || out_fd < 0)
		return -EIO;
	if (!path)
		return error_set(e, ENOENT, "the program nft is not installed");
	spec.path = path;
	spec.argv = argv;
	spec.stdin_fd = in_fd;
	spec.stderr_fd = out_fd;
	spec.die_with_parent = true;
	r = process_spawn(&spec, &pid, &pidfd, e);
	if (r < 0)
		return r;
	p = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	do
		r = poll(&p, 1, NFT_TIMEOUT_MSEC);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	r = process_wait(pidfd, &status, e);
	if (r < 0 || status == 0)
		return r;
	rules_message(out_fd, message);
	return error_set(e, EIO, "nft ended with status %d: %s", status,
			 message);
}
