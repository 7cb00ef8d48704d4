/*
 * network.c - puts the pieces together: the instance (network_claim),
 * addresses (network_pool), links (network_link), packet filter
 * (network_guard).
 */
#include "runtime/network/network.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/strv.h"
#include "runtime/network/network_claim.h"
#include "runtime/network/network_filter.h"
#include "runtime/network/network_guard.h"
#include "runtime/network/network_link.h"
#include "runtime/network/network_query.h"
#include "runtime/network/network_rules.h"
#include "runtime/network/network_state.h"
#include "runtime/network/network_sysctl.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>

#define WIPE_WAIT_MSEC 2000
#define WIPE_STEP_MSEC 10
#define NETWORK_POOL_FILE "addresses"

void network_state_tell(struct network *n, const char *fmt, ...)
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

/* ---- life ---- */

static int network_open_pool(struct network *n, const char *run_dir,
			     struct error *e)
{
	if (run_dir)
		n->pool_path = xasprintf("%s/" NETWORK_POOL_FILE, run_dir);
	return network_pool_open(&n->pool, n->pool_path, n->instance,
				 id_random(NETWORK_POOL_SIZE), clock_mono_usec(),
				 e);
}

static void network_fix_servers(struct network *n)
{
	for (unsigned i = 0; i < NETWORK_SERVERS; i++) {
		struct in_addr a = network_pool_server(n->instance, i);
		size_t len = strlen(n->dns_fixed);

		if (len)
			n->dns_fixed[len++] = ' ';
		inet_ntop(AF_INET, &a, n->dns_fixed + len, INET_ADDRSTRLEN);
	}
}

/* The filter is there before the first packet can be. */
static int network_raise(struct network *n, struct error *e)
{
	struct error own;
	int r;

	if (network_sysctl_bridge(n->bridge, n->ipv6, &own) < 0)
		network_state_tell(n, "%s", own.msg);
	network_fix_servers(n);
	r = network_guard_open(n, e);
	if (r >= 0)
		r = network_link_bridge_up(&n->route, n->bridge,
					   n->bridge_index, network_gateway(n),
					   NETWORK_POOL_PREFIX, e);
	return r;
}

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
		network_state_tell(n, "the addresses of instance %u are in use "
				   "on this host", n->instance);
	network_claim_name(n->bridge, n->instance);
	r = network_open_pool(n, config->run_dir, e);
	if (r >= 0)
		r = network_raise(n, e);
	if (r >= 0 && !network_sysctl_forward(config->ip_forward))
		network_state_tell(n, "dynos have no way out: "
				   "net.ipv4.ip_forward is 0");
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
	n->watch = NETWORK_WATCH_INIT;
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
	network_watch_close(&n->watch);
	network_pool_close(&n->pool);
	free(n->pool_path);
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

const char *network_dns(const struct network *n)
{
	return n->dns_fixed;
}

int network_fd(const struct network *n)
{
	return n->watch.epoll_fd;
}

int network_serve(struct network *n, struct error *e)
{
	return network_guard_serve(n, e);
}

/* ---- the end ---- */

static void on_wiped(const struct network_link *link, void *userdata)
{
	struct strv *names = userdata;

	if (!strv_has(names, link->name))
		strv_add(names, link->name);
}

/* Links of dynos that have just ended go by themselves, many at a time; to
 * remove them one by one would take the kernel longer. */
static int network_wipe_links(struct network *n, struct error *e)
{
	const uint64_t end = clock_mono_usec() + WIPE_WAIT_MSEC * USEC_PER_MSEC;
	auto_free char *prefix = xasprintf("%s-", n->bridge);
	struct strv links = STRV_INIT;
	int r = network_query_links(&n->route, prefix, on_wiped, &links, e);

	while (r >= 0 && links.n > 0 && clock_mono_usec() < end) {
		poll(NULL, 0, WIPE_STEP_MSEC);
		strv_deinit(&links);
		r = network_query_links(&n->route, prefix, on_wiped, &links, e);
	}
	if (r >= 0)
		r = network_link_remove(&n->route, &links, e);
	strv_deinit(&links);
	return r;
}

/* Every step is tried; the bridge, our claim, goes last. */
int network_wipe(struct network *n, struct error *e)
{
	auto_strv bridge = STRV_INIT;
	int r = network_wipe_links(n, e);
	int q = network_filter_wipe(&n->netfilter, n->instance,
				    r < 0 ? NULL : e);

	r = r < 0 ? r : q;
	if (r < 0)
		return r;
	memset(n->passes, 0, sizeof(n->passes));
	if (n->pool_path)
		unlink(n->pool_path);
	strv_add(&bridge, n->bridge);
	return network_link_remove(&n->route, &bridge, e);
}

/* ---- addresses ---- */

/* An address has rested, but its link is there still: somebody keeps the
 * namespace. It rests again. */
int network_reserve(struct network *n, struct in_addr *ret, struct error *e)
{
	struct in_addr address;
	struct error own;

	/* For callers that do not wait for network_fd(), too. */
	if (network_guard_serve(n, &own) < 0)
		network_state_tell(n, "%s, will retry", own.msg);
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

static int network_forget(struct network *n, struct error *e)
{
	int r = network_link_forget(&n->route, n->bridge_index, n->gone,
				    n->n_gone, e);

	n->n_gone = 0;
	return r;
}

int network_attach(struct network *n, const char *uuid, pid_t pid,
		   struct in_addr address, enum network_egress egress,
		   struct error *e)
{
	const struct network_member m = { address, egress };
	auto_free char *alias = network_guard_alias(&m);
	char link[IFNAMSIZ];
	struct network_port port = {
		.name = link,
		.bridge = n->bridge_index,
		.address = address,
		.alias = alias,
		.gone = n->gone,
		.n_gone = n->n_gone,
		.pid = pid,
		.ipv6 = n->ipv6,
	};
	int r;

	assert(network_pool_slot(&n->pool, address) < NETWORK_POOL_SIZE);
	assert(egress < NETWORK_EGRESS_COUNT);
	network_link_name(link, n->instance, uuid, address);
	r = network_guard_remove(n, address, e);	/* of a link that was dying */
	if (r >= 0) {
		r = network_link_attach(&n->route, &port, e);
		n->n_gone = 0;
	}
	if (r == NETWORK_LINK_TAKEN)
		r = -EEXIST;
	if (r >= 0)
		r = network_guard_add(n, &m, e);
	if (r < 0) {
		network_detach(n, address, NULL);
		network_forget(n, NULL);
	}
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

/*
 * Requests about links and neighbours wait for a lock which the kernel holds
 * for long while it takes namespaces down, as it does now: the neighbour's
 * removal travels with the next start.
 */
int network_detach(struct network *n, struct in_addr address, struct error *e)
{
	int r = 0, q;

	if (n->n_gone == NETWORK_GONE_MAX)
		r = network_forget(n, e);
	n->gone[n->n_gone++] = address;
	q = network_guard_remove(n, address, r < 0 ? NULL : e);
	return r < 0 ? r : q;
}
