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
#include "runtime/network_filter.h"
#include "runtime/network_link.h"
#include "runtime/network_netlink.h"
#include "runtime/network_pool.h"
#include "runtime/network_query.h"

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

/* Each link of ours carries its dyno's address in its alias. */
static int network_filter_links(struct network *n, struct error *e)
{
	auto_free char *prefix = xasprintf("%s-", n->bridge);
	auto_strv names = STRV_INIT;
	int r = network_query_links(&n->route, prefix, &names, e);

	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		struct network_link link;
		struct in_addr address;

		r = network_query_link(&n->route, names.v[i], &link, e);
		if (r == 0 && inet_pton(AF_INET, link.alias, &address) == 1)
			r = network_filter_add(&n->netfilter, n->instance,
					       names.v[i], address, e);
	}
	return r < 0 ? r : 0;
}

static int network_filter(struct network *n, struct error *e)
{
	auto_buf inet = BUF_INIT, bridge = BUF_INIT;
	struct error own;
	int r;

	network_filter_inet(n->instance, &inet);
	network_filter_bridge(n->instance, &bridge);
	r = network_filter_run(buf_str(&inet), e);
	if (r < 0)
		return r;
	n->source_check = network_filter_run(buf_str(&bridge), &own) >= 0;
	if (!n->source_check) {
		network_tell(n, "no check of dynos' source addresses: %s",
			     own.msg);
		return 0;
	}
	return network_filter_links(n, e);
}

/* Firewall scripts like to flush all there is: then make ours again. */
static int network_filter_dyno(struct network *n, const char *link,
			       struct in_addr address, struct error *e)
{
	int r;

	if (!n->source_check)
		return 0;
	r = network_filter_add(&n->netfilter, n->instance, link, address, e);
	if (r != NETWORK_FILTER_ABSENT)
		return r;
	network_tell(n, "somebody removed the nft tables of %s, made again",
		     n->bridge);
	r = network_filter(n, e);
	if (r >= 0 && n->source_check)
		r = network_filter_add(&n->netfilter, n->instance, link,
				       address, e);
	if (r == NETWORK_FILTER_ABSENT)
		return error_set(e, ENOENT, "the nft table of %s vanishes",
				 n->bridge);
	return r;
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
	struct network *n = xcalloc(1, sizeof(*n));
	int r;

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

/* Every step is tried; the bridge, our claim, goes last. */
int network_wipe(struct network *n, struct error *e)
{
	auto_free char *prefix = xasprintf("%s-", n->bridge);
	auto_strv links = STRV_INIT, bridge = STRV_INIT;
	int r = network_query_links(&n->route, prefix, &links, e);
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

int network_reserve(struct network *n, struct in_addr *ret, struct error *e)
{
	if (!network_pool_take(&n->pool, clock_mono_usec(), ret))
		return error_set(e, EADDRNOTAVAIL,
				 "no free address for a dyno in %s", n->bridge);
	return 0;
}

void network_occupy(struct network *n, struct in_addr address)
{
	network_pool_occupy(&n->pool, address);
}

/* ---- a dyno ---- */

static int network_disconnect(struct network *n, const char *link,
			      struct in_addr address, struct error *e)
{
	int r = network_link_detach(&n->route, link, n->bridge_index, address,
				    e);
	int q = network_filter_remove(&n->netfilter, n->instance, link, address,
				      r < 0 ? NULL : e);

	return r < 0 ? r : q;
}

int network_attach(struct network *n, const char *uuid, pid_t pid,
		   struct in_addr address, struct error *e)
{
	char link[IFNAMSIZ];
	struct network_port port = {
		.name = link,
		.bridge = n->bridge_index,
		.address = address,
		.pid = pid,
		.ipv6 = n->ipv6,
	};
	int r;

	network_link_name(link, n->instance, uuid);
	r = network_link_attach(&n->route, &port, e);
	if (r == NETWORK_LINK_TAKEN)	/* not ours to remove */
		return -EEXIST;
	if (r >= 0)
		r = network_filter_dyno(n, link, address, e);
	if (r < 0)
		network_disconnect(n, link, address, NULL);
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

int network_detach(struct network *n, const char *uuid, struct in_addr address,
		   struct error *e)
{
	char link[IFNAMSIZ];
	int r;

	network_link_name(link, n->instance, uuid);
	r = network_disconnect(n, link, address, e);
	network_pool_release(&n->pool, address, clock_mono_usec());
	return r;
}
