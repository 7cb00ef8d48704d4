/*
 * network.c - puts the pieces together: the instance (network_claim),
 * addresses (network_pool), links (network_link), packet filter
 * (network_filter).
 */
#include "runtime/network.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "base/strv.h"
#include "runtime/network_claim.h"
#include "runtime/network_dns.h"
#include "runtime/network_filter.h"
#include "runtime/network_link.h"
#include "runtime/network_netlink.h"
#include "runtime/network_pool.h"
#include "runtime/network_query.h"
#include "runtime/network_rules.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>

struct network {
	unsigned instance;
	char bridge[IFNAMSIZ];
	unsigned bridge_index;
	struct network_netlink route, netfilter;
	struct network_pool pool;
	bool ipv6;			/* the kernel knows IPv6 */
	bool source_check;		/* the kernel filters on bridges */
	char *dns;			/* configured, or NULL */
	char dns_fixed[NETWORK_SERVERS * INET_ADDRSTRLEN];
	struct in_addr servers[NETWORK_SERVERS];
	bool has_servers;
	struct network_prefix allowed[NETWORK_ALLOWED_MAX];
	size_t n_allowed;
	network_tell_fn tell;
	void *userdata;
};

static void network_tell(struct network *n, const char *fmt, ...) PRINTF(2, 3);
static void network_tell(struct network *n, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	if (!n->tell)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	n->tell(text, n->userdata);
}

/* ---- what the kernel keeps in files ---- */

static const struct {
	const char *file;		/* %s = the bridge */
	const char *value;
	bool ipv6;
} network_files[] = {
	{ "/proc/sys/net/ipv6/conf/%s/disable_ipv6",     "1", .ipv6 = true },
	{ "/proc/sys/net/ipv4/conf/%s/forwarding",       "1" },
	{ "/proc/sys/net/ipv4/conf/%s/rp_filter",        "1" },
	{ "/proc/sys/net/ipv4/conf/%s/accept_redirects", "0" },
	{ "/proc/sys/net/ipv4/conf/%s/send_redirects",   "0" },
	{ "/proc/sys/net/ipv4/conf/%s/arp_ignore",       "1" },
};

static int network_write(const char *path, const char *value)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return -1;
	return 0;
}

static void network_set_files(struct network *n)
{
	for (size_t i = 0; i < ARRAY_SIZE(network_files); i++) {
		auto_free char *path = NULL;

		if (network_files[i].ipv6 && !n->ipv6)
			continue;
		path = xasprintf(network_files[i].file, n->bridge);
		if (network_write(path, network_files[i].value) < 0)
			network_tell(n, "cannot set %s: %s", path,
				     strerror(errno));
	}
}

static void network_forward(struct network *n, bool may_set)
{
	static const char path[] = "/proc/sys/net/ipv4/ip_forward";
	auto_buf text = BUF_INIT;

	if (file_read(AT_FDCWD, path, 64, &text, NULL) >= 0 &&
	    *buf_str(&text) == '1')
		return;
	if (may_set && network_write(path, "1") == 0)
		return;
	network_tell(n, "dynos have no way out: net.ipv4.ip_forward is 0");
}

/* ---- the packet filter ---- */

/* Each link of ours carries in its alias what the filter has to know. */
static const char *const network_egress_names[NETWORK_EGRESS_COUNT] = {
	[NETWORK_EGRESS_INTERNET] = "internet",
	[NETWORK_EGRESS_ALLOWED] = "allowed",
	[NETWORK_EGRESS_NONE] = "none",
};

static void network_alias(char ret[NETWORK_ALIAS_MAX + 1],
			  const struct network_member *m)
{
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &m->address, address, sizeof(address));
	snprintf(ret, NETWORK_ALIAS_MAX, "%s %s", address,
		 network_egress_names[m->egress]);
}

struct network_members {
	struct network_member *v;
	size_t n;
};

static void network_members_deinit(struct network_members *m)
{
	free(m->v);
}

/* An alias that says nothing is not one of ours. */
static void on_member(const struct network_link *link, void *userdata)
{
	struct network_members *all = userdata;
	char address[INET_ADDRSTRLEN], egress[16];
	struct network_member m;

	if (sscanf(link->alias, "%15s %15s", address, egress) != 2 ||
	    inet_pton(AF_INET, address, &m.address) != 1)
		return;
	for (m.egress = 0; m.egress < NETWORK_EGRESS_COUNT; m.egress++) {
		if (!str_eq(egress, network_egress_names[m.egress]))
			continue;
		all->v = xrealloc(all->v, (all->n + 1) * sizeof(m));
		all->v[all->n++] = m;
	}
}

static int network_filter(struct network *n, struct error *e)
{
	auto_free char *prefix = xasprintf("%s-", n->bridge);
	auto_(network_members_deinit) struct network_members members = { NULL, 0 };
	auto_buf inet = BUF_INIT, both = BUF_INIT;
	struct network_rules rules = {
		.instance = n->instance,
		.servers = n->has_servers ? n->servers : NULL,
		.allowed = n->allowed,
		.n_allowed = n->n_allowed,
	};
	struct error own;
	int r = network_query_links(&n->route, prefix, on_member, &members, e);

	if (r < 0)
		return r;
	rules.members = members.v;
	rules.n_members = members.n;
	network_rules_inet(&rules, &inet);
	buf_adds(&both, buf_str(&inet));
	network_rules_bridge(&rules, &both);
	n->source_check = network_rules_load(buf_str(&both), &own) >= 0;
	if (n->source_check)
		return 0;
	r = network_rules_load(buf_str(&inet), e);
	if (r >= 0)
		network_tell(n, "no check of dynos' source addresses: %s",
			     own.msg);
	return r;
}

/* Firewall scripts like to flush all there is: then make ours again. */
static int network_filter_dyno(struct network *n, const struct network_member *m,
			       struct error *e)
{
	int r = network_filter_add(&n->netfilter, n->instance, n->source_check,
				   m->address, m->egress, e);

	if (r != NETWORK_FILTER_ABSENT)
		return r;
	network_tell(n, "somebody removed the nft tables of %s, made again",
		     n->bridge);
	r = network_filter(n, e);	/* with this dyno: its link is there */
	return r;
}

/* ---- name servers ---- */

static void network_find_servers(struct network *n)
{
	for (unsigned i = 0; i < NETWORK_SERVERS; i++) {
		struct in_addr a = network_pool_server(n->instance, i);
		size_t len = strlen(n->dns_fixed);

		if (len)
			n->dns_fixed[len++] = ' ';
		inet_ntop(AF_INET, &a, n->dns_fixed + len, INET_ADDRSTRLEN);
	}
	n->has_servers = network_dns_read(n->dns, n->servers);
	if (!n->has_servers)
		network_tell(n, "dynos find no names: this host has no name "
			     "server that they can reach");
}

const char *network_dns(const struct network *n)
{
	return n->dns_fixed;
}

int network_dns_refresh(struct network *n, struct error *e)
{
	struct in_addr servers[NETWORK_SERVERS];
	bool found = network_dns_read(n->dns, servers);
	int r;

	/* No server for a moment: the file is being replaced. */
	if (!found || (n->has_servers &&
		       memcmp(servers, n->servers, sizeof(servers)) == 0))
		return 0;
	r = network_filter_set_servers(&n->netfilter, n->instance, servers, e);
	if (r < 0)
		return r;
	memcpy(n->servers, servers, sizeof(servers));
	n->has_servers = true;
	return 0;
}

/* ---- life ---- */

static int network_set_up(struct network *n,
			  const struct network_config *config, struct error *e)
{
	int r = network_netlink_open(&n->route, NETLINK_ROUTE, e);

	if (r >= 0)
		r = network_netlink_open(&n->netfilter, NETLINK_NETFILTER, e);
	if (r >= 0)
		r = network_claim(&n->route, config, &n->instance,
				  &n->bridge_index, e);
	if (r < 0)
		return r;
	if (r == NETWORK_CLAIM_COLLIDES)
		network_tell(n, "the addresses of instance %u are in use on "
			     "this host", n->instance);
	network_claim_name(n->bridge, n->instance);
	network_pool_init(&n->pool, n->instance, id_random(NETWORK_POOL_SIZE));
	network_set_files(n);
	network_find_servers(n);
	/* The filter is there before the first packet can be. */
	r = network_filter(n, e);
	if (r >= 0)
		r = network_link_bridge_up(&n->route, n->bridge,
					   n->bridge_index, network_gateway(n),
					   NETWORK_POOL_PREFIX, e);
	if (r >= 0)
		network_forward(n, config->ip_forward);
	return r;
}

int network_open(struct network **ret, const struct network_config *config,
		 network_tell_fn tell, void *userdata, struct error *e)
{
	struct network *n = NULL;
	int r;

	if (config->n_allowed > NETWORK_ALLOWED_MAX)
		return error_set(e, EINVAL, "more than %d allowed destinations",
				 NETWORK_ALLOWED_MAX);
	n = xcalloc(1, sizeof(*n));
	n->dns = xstrdup(config->dns);
	n->n_allowed = config->n_allowed;
	if (n->n_allowed)
		memcpy(n->allowed, config->allowed,
		       n->n_allowed * sizeof(*n->allowed));
	n->tell = tell;
	n->userdata = userdata;
	n->ipv6 = access("/proc/sys/net/ipv6", F_OK) == 0;
	r = network_set_up(n, config, e);
	if (r < 0) {
		network_close(n);
		return r;
	}
	*ret = n;
	return 0;
}

struct network *network_close(struct network *n)
{
	if (!n)
		return NULL;
	network_netlink_close(&n->route);
	network_netlink_close(&n->netfilter);
	network_pool_deinit(&n->pool);
	free(n->dns);
	free(n);
	return NULL;
}

unsigned network_instance(const struct network *n)
{
	return n->instance;
}

struct in_addr network_gateway(const struct network *n)
{
	return network_pool_gateway(n->instance);
}

static void on_wiped(const struct network_link *link, void *userdata)
{
	struct strv *names = userdata;

	if (!strv_has(names, link->name))
		strv_add(names, link->name);
}

/* Every step is tried; the bridge, our claim, goes last. */
int network_wipe(struct network *n, struct error *e)
{
	auto_free char *prefix = xasprintf("%s-", n->bridge);
	auto_strv links = STRV_INIT, bridge = STRV_INIT;
	int r = network_query_links(&n->route, prefix, on_wiped, &links, e);
	int q = network_link_remove(&n->route, &links, r < 0 ? NULL : e);

	r = r < 0 ? r : q;
	q = network_filter_wipe(&n->netfilter, n->instance, r < 0 ? NULL : e);
	r = r < 0 ? r : q;
	if (r < 0)
		return r;
	strv_add(&bridge, n->bridge);
	return network_link_remove(&n->route, &bridge, e);
}

/* ---- addresses ---- */

/* An address has rested, but its link is there still: somebody keeps the
 * namespace. It rests again. */
int network_reserve(struct network *n, struct in_addr *ret, struct error *e)
{
	struct in_addr address;

	while (network_pool_take(&n->pool, clock_mono_usec(), &address)) {
		int r = network_query_index(&n->route, network_link_index(address),
					    e);

		if (r == NETWORK_QUERY_ABSENT) {
			*ret = address;
			return 0;
		}
		network_release(n, address);
		if (r < 0)
			return r;
	}
	return error_set(e, EADDRNOTAVAIL, "no free address for a dyno in %s",
			 n->bridge);
}

void network_occupy(struct network *n, struct in_addr address)
{
	network_pool_occupy(&n->pool, address);
}

void network_release(struct network *n, struct in_addr address)
{
	network_pool_release(&n->pool, address, clock_mono_usec());
}

/* ---- a dyno ---- */

int network_attach(struct network *n, const char *uuid, pid_t pid,
		   struct in_addr address, enum network_egress egress,
		   struct error *e)
{
	const struct network_member m = { address, egress };
	char link[IFNAMSIZ], alias[NETWORK_ALIAS_MAX + 1];
	struct network_port port = {
		.name = link,
		.bridge = n->bridge_index,
		.address = address,
		.alias = alias,
		.pid = pid,
		.ipv6 = n->ipv6,
	};
	int r;

	network_link_name(link, n->instance, uuid, address);
	network_alias(alias, &m);
	r = network_link_attach(&n->route, &port, e);
	if (r == NETWORK_LINK_TAKEN)	/* not ours to remove */
		return -EEXIST;
	if (r >= 0)
		r = network_filter_dyno(n, &m, e);
	if (r < 0)
		network_detach(n, address, NULL);
	return r;
}

void network_inside(struct network *n, struct in_addr address,
		    struct buf *ret_messages, unsigned *ret_acks)
{
	struct network_batch b;

	network_batch_init(&b, NULL);
	network_link_inside(&b, address, network_gateway(n), n->ipv6);
	buf_add(ret_messages, b.data, network_batch_len(&b));
	*ret_acks = (unsigned)b.n;
}

int network_detach(struct network *n, struct in_addr address, struct error *e)
{
	int r = network_link_detach(&n->route, n->bridge_index, address, e);
	int q = network_filter_remove(&n->netfilter, n->instance,
				      n->source_check, address,
				      r < 0 ? NULL : e);

	return r < 0 ? r : q;
}
