#include "runtime/network/network_guard.h"
#include "base/buf.h"
#include "base/error.h"
#include "runtime/network/network_dns.h"
#include "runtime/network/network_filter.h"
#include "runtime/network/network_query.h"
#include "runtime/network/network_rules.h"
#include "runtime/network/network_state.h"

#include <arpa/inet.h>
#include <stdio.h>

/* ---- who is connected ---- */

static const char *const guard_egress_names[NETWORK_EGRESS_COUNT] = {
	[NETWORK_EGRESS_INTERNET] = "internet",
	[NETWORK_EGRESS_ALLOWED] = "allowed",
	[NETWORK_EGRESS_NONE] = "none",
};

char *network_guard_alias(const struct network_member *m)
{
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &m->address, address, sizeof(address));
	return xasprintf("%s %s", address, guard_egress_names[m->egress]);
}

struct guard_members {
	const struct network_pool *pool;
	bool seen[NETWORK_POOL_SIZE];
	struct network_member *v;
	size_t n;
};

static void guard_members_deinit(struct guard_members *m)
{
	free(m->v);
}

/* An alias that says nothing is not one of ours. A list of links that changes
 * meanwhile may have one twice. */
static void on_member(const struct network_link *link, void *userdata)
{
	struct guard_members *all = userdata;
	char address[INET_ADDRSTRLEN], egress[16] = "internet";
	struct network_member m;
	uint32_t slot;

	/* An earlier version had no second word. */
	if (sscanf(link->alias, "%15s %15s", address, egress) < 1 ||
	    inet_pton(AF_INET, address, &m.address) != 1)
		return;
	slot = network_pool_slot(all->pool, m.address);
	if (slot == NETWORK_POOL_SIZE || all->seen[slot])
		return;
	for (m.egress = 0; m.egress < NETWORK_EGRESS_COUNT; m.egress++) {
		if (!str_eq(egress, guard_egress_names[m.egress]))
			continue;
		all->v = xrealloc(all->v, (all->n + 1) * sizeof(m));
		all->v[all->n++] = m;
		all->seen[slot] = true;
		break;
	}
}

static int guard_make(struct network *n, struct error *e)
{
	auto_free char *prefix = xasprintf("%s-", n->bridge);
	auto_(guard_members_deinit) struct guard_members members = {
		.pool = &n->pool,
	};
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
	if (!n->source_check) {
		r = network_rules_load(buf_str(&inet), e);
		if (r >= 0)
			network_state_tell(n, "no check of dynos' source "
					   "addresses: %s", own.msg);
	}
	if (r >= 0)
		memcpy(n->passes, members.seen, sizeof(n->passes));
	return r;
}

/* ---- name servers ---- */

static void guard_find_servers(struct network *n)
{
	network_watch_files(&n->watch, network_dns_files);
	n->has_servers = network_dns_read(n->dns, n->servers);
	if (!n->has_servers)
		network_state_tell(n, "dynos find no names: this host has no "
				   "name server that they can reach");
}

/* ---- tables ---- */

int network_guard_open(struct network *n, struct error *e)
{
	struct error own;
	int r;

	if (network_watch_open(&n->watch, &own) < 0) {
		network_watch_close(&n->watch);
		network_state_tell(n, "changes of resolv.conf and nft tables "
				   "will be missed: %s", own.msg);
	}
	guard_find_servers(n);
	r = guard_make(n, e);
	n->pending = network_watch_take(&n->watch, n->bridge) &
		     ~NETWORK_WATCH_FILTER;
	return r;
}

/* Firewall scripts like to flush all there is: then make ours again. */
static int guard_repair(struct network *n, struct error *e)
{
	int r = guard_make(n, e);

	/* Of what we have just heard, some was our own doing. */
	n->pending |= network_watch_take(&n->watch, n->bridge);
	n->pending &= ~NETWORK_WATCH_FILTER;
	if (r >= 0)
		r = network_filter_probe(&n->netfilter, n->instance,
					 n->source_check, e);
	if (r == NETWORK_FILTER_ABSENT)
		r = error_set(e, EAGAIN, "they vanished once more");
	if (r < 0) {
		n->pending |= NETWORK_WATCH_FILTER;
		return error_prefix(e, r, "make the nft tables of %s again",
				    n->bridge);
	}
	network_state_tell(n, "somebody removed the nft tables of %s, made again",
			   n->bridge);
	return 0;
}

/* ---- a dyno ---- */

int network_guard_add(struct network *n, const struct network_member *m,
		      struct error *e)
{
	int r = network_filter_add(&n->netfilter, n->instance, n->source_check,
				   m->address, m->egress, e);

	if (r == NETWORK_FILTER_ABSENT)
		return guard_repair(n, e);	/* its link is there: with it */
	if (r >= 0)
		n->passes[network_pool_slot(&n->pool, m->address)] = true;
	return r;
}

/* What is not in the tables is not asked for: see network_filter_remove(). */
int network_guard_remove(struct network *n, struct in_addr address,
			 struct error *e)
{
	uint32_t slot = network_pool_slot(&n->pool, address);
	int r;

	if (slot == NETWORK_POOL_SIZE || !n->passes[slot])
		return 0;
	r = network_filter_remove(&n->netfilter, n->instance, n->source_check,
				  address, e);
	if (r == NETWORK_FILTER_ABSENT) {
		r = guard_repair(n, e);
		if (r >= 0 && n->passes[slot])
			r = network_filter_remove(&n->netfilter, n->instance,
						  n->source_check, address, e);
	}
	if (r >= 0)
		n->passes[slot] = false;
	return r < 0 ? r : 0;
}

/* ---- what others do ---- */

/* The watch is renewed before the files are read: nothing is missed. */
static int guard_refresh_servers(struct network *n, struct error *e)
{
	struct in_addr servers[NETWORK_SERVERS];
	int r;

	network_watch_files(&n->watch, network_dns_files);
	/* No server for a moment: the file is being replaced. */
	if (!network_dns_read(n->dns, servers) ||
	    (n->has_servers && memcmp(servers, n->servers, sizeof(servers)) == 0))
		return 0;
	r = network_filter_set_servers(&n->netfilter, n->instance, servers, e);
	if (r < 0)
		return r;
	memcpy(n->servers, servers, sizeof(servers));
	n->has_servers = true;
	network_state_tell(n, "name servers of the host have changed, dynos follow");
	return 0;
}

int network_guard_serve(struct network *n, struct error *e)
{
	unsigned bits = n->pending | network_watch_take(&n->watch, n->bridge);
	int r = 0, q;

	n->pending = 0;
	if (bits & NETWORK_WATCH_FILTER)
		r = guard_repair(n, e);
	if (!((bits | n->pending) & NETWORK_WATCH_RESOLV))
		return r;
	n->pending &= ~NETWORK_WATCH_RESOLV;
	q = guard_refresh_servers(n, r < 0 ? NULL : e);
	return r < 0 ? r : q;
}
