#include "runtime/network_filter.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "runtime/network_link.h"
#include "runtime/network_netlink.h"
#include "runtime/network_pool.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define NFT_TIMEOUT_MSEC 30000
#define NFT_OUTPUT_MAX 4096
#define SET "sources"

/* ---- the text ---- */

/*
 * A verdict of "accept" ends our chain, not the host's own ones: whatever the
 * operator forbids stays forbidden. Refusals are spoken (reject), so that a
 * library which probes for a metadata service does not wait.
 */
void network_filter_inet(unsigned instance, struct buf *ret)
{
	struct in_addr network = network_pool_network(instance);
	char net[INET_ADDRSTRLEN + 4], br[IFNAMSIZ];

	inet_ntop(AF_INET, &network, net, sizeof(net));
	snprintf(net + strlen(net), 4, "/%u", NETWORK_POOL_PREFIX % 100);
	snprintf(br, sizeof(br), "dyno%u", instance);
	buf_addf(ret, "table inet %s\ndelete table inet %s\ntable inet %s {\n",
		 br, br, br);
	buf_addf(ret,
		 "chain input {\n"
		 "type filter hook input priority -10; policy accept;\n"
		 "iifname != \"%s\" return\n"
		 "ct state established,related accept\n"
		 "ip saddr %s icmp type echo-request accept\n"
		 "meta nfproto ipv4 reject with icmp type admin-prohibited\n"
		 "drop\n}\n", br, net);
	buf_addf(ret,
		 "chain forward {\n"
		 "type filter hook forward priority -10; policy accept;\n"
		 "iifname \"%s\" jump out\n"
		 "oifname \"%s\" ct state established,related accept\n"
		 "oifname \"%s\" drop\n}\n", br, br, br);
	buf_addf(ret,
		 "chain out {\n"
		 "meta nfproto != ipv4 drop\n"
		 "ip saddr != %s drop\n"
		 "oifname \"dyno*\" drop\n"
		 "ip daddr 169.254.0.0/16 reject with icmp type admin-prohibited\n"
		 "}\n", net);
	buf_addf(ret,
		 "chain leave {\n"
		 "type nat hook postrouting priority 100; policy accept;\n"
		 "ip saddr %s oifname != \"%s\" masquerade\n}\n}\n", net, br);
}

/* The set outlives a second run: dynos that live keep their elements. */
void network_filter_bridge(unsigned instance, struct buf *ret)
{
	buf_addf(ret, "table bridge dyno%u\nflush table bridge dyno%u\n"
		 "table bridge dyno%u {\n", instance, instance, instance);
	buf_adds(ret, "set " SET " { type ifname . ether_addr . ipv4_addr; }\n");
	buf_adds(ret,
		 "chain port {\n"
		 "ether type ip iifname . ether saddr . ip saddr @" SET
		 " accept\n"
		 "ether type arp iifname . ether saddr . arp saddr ip @" SET
		 " accept\n"
		 "drop\n}\n");
	buf_addf(ret,
		 "chain prerouting {\n"
		 "type filter hook prerouting priority -300; policy accept;\n"
		 "iifname \"dyno%u-*\" jump port\n}\n}\n", instance);
}

/* ---- the nft program ---- */

static const char *filter_program(void)
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

static int filter_memfd(const char *text, struct error *e)
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
static void filter_message(int fd, char out[NFT_OUTPUT_MAX])
{
	ssize_t n = pread(fd, out, NFT_OUTPUT_MAX - 1, 0);

	out[n < 0 ? 0 : n] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

int network_filter_run(const char *rules, struct error *e)
{
	auto_close int in_fd = filter_memfd(rules, e);
	auto_close int out_fd = in_fd < 0 ? -1 : filter_memfd("", e);
	const char *path = filter_program();
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
	filter_message(out_fd, message);
	return error_set(e, EIO, "nft ended with status %d: %s", status,
			 message);
}

/* ---- elements, by netlink ---- */

static struct nlmsghdr *filter_request(struct network_batch *b, uint16_t type,
				       uint16_t flags, uint8_t family,
				       int ignore, const char *what)
{
	struct nlmsghdr *nlh = network_batch_add(b, type, flags, ignore, "%s",
						 what);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END
		? htons(NFNL_SUBSYS_NFTABLES) : 0;
	return nlh;
}

static void filter_bound(struct network_batch *b, uint16_t type)
{
	filter_request(b, type, 0, AF_UNSPEC, NETWORK_BATCH_SILENT,
		       "commit to the packet filter");
}

/* The set's key, as nft lays it out: each part on a multiple of four bytes. */
struct filter_key {
	char link[IFNAMSIZ];
	uint8_t mac[8];
	struct in_addr address;
};

static void filter_element(struct network_batch *b, uint16_t type,
			   uint16_t flags, int ignore, unsigned instance,
			   const char *link, struct in_addr address)
{
	struct nlmsghdr *nlh = filter_request(b, NFNL_SUBSYS_NFTABLES << 8 | type,
					      flags, NFPROTO_BRIDGE, ignore,
					      "change the source address check");
	struct filter_key key = { .address = address };
	struct nlattr *list, *element, *value;
	char table[IFNAMSIZ];

	snprintf(key.link, sizeof(key.link), "%s", link);
	network_link_mac(address, key.mac);
	snprintf(table, sizeof(table), "dyno%u", instance);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, SET);
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	value = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, sizeof(key), &key);
	mnl_attr_nest_end(nlh, value);
	mnl_attr_nest_end(nlh, element);
	mnl_attr_nest_end(nlh, list);
}

int network_filter_add(struct network_netlink *nl, unsigned instance,
		       const char *link, struct in_addr address,
		       struct error *e)
{
	struct network_batch b;
	struct error own;
	int r;

	network_batch_init(&b, nl);
	filter_bound(&b, NFNL_MSG_BATCH_BEGIN);
	filter_element(&b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, EEXIST, instance,
		       link, address);
	filter_bound(&b, NFNL_MSG_BATCH_END);
	r = network_batch_send(&b, &own);
	if (r == -ENOENT)
		return NETWORK_FILTER_ABSENT;
	return r < 0 ? error_set(e, own.code, "%s", own.msg) : 0;
}

int network_filter_remove(struct network_netlink *nl, unsigned instance,
			  const char *link, struct in_addr address,
			  struct error *e)
{
	struct network_batch b;

	network_batch_init(&b, nl);
	filter_bound(&b, NFNL_MSG_BATCH_BEGIN);
	filter_element(&b, NFT_MSG_DELSETELEM, 0, ENOENT, instance, link,
		       address);
	filter_bound(&b, NFNL_MSG_BATCH_END);
	return network_batch_send(&b, e);
}

static int filter_drop_table(struct network_netlink *nl, unsigned instance,
			     uint8_t family, struct error *e)
{
	struct network_batch b;
	struct nlmsghdr *nlh;
	char table[IFNAMSIZ];

	snprintf(table, sizeof(table), "dyno%u", instance);
	network_batch_init(&b, nl);
	filter_bound(&b, NFNL_MSG_BATCH_BEGIN);
	nlh = filter_request(&b, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE, 0,
			     family, ENOENT, "remove the packet filter");
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	filter_bound(&b, NFNL_MSG_BATCH_END);
	return network_batch_send(&b, e);
}

int network_filter_wipe(struct network_netlink *nl, unsigned instance,
			struct error *e)
{
	int r = filter_drop_table(nl, instance, NFPROTO_INET, e);
	int q = filter_drop_table(nl, instance, NFPROTO_BRIDGE,
				  r < 0 ? NULL : e);

	return r < 0 ? r : q;
}
