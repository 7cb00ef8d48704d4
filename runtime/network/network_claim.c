#include "runtime/network/network_claim.h"
#include "base/error.h"
#include "runtime/network/network.h"
#include "runtime/network/network_link.h"
#include "runtime/network/network_netlink.h"
#include "runtime/network/network_pool.h"
#include "runtime/network/network_query.h"

#include <stdio.h>

enum { CLAIM_OURS, CLAIM_FREE, CLAIM_OTHERS };

void network_claim_name(char ret[IFNAMSIZ], unsigned instance)
{
	snprintf(ret, IFNAMSIZ, "dyno%u", instance % NETWORK_INSTANCES);
}

/* Which blocks of addresses the host uses for something else. */
static void on_prefix(struct in_addr address, unsigned prefix, unsigned link,
		      void *userdata)
{
	uint64_t *used = userdata;

	for (unsigned i = 0; i < NETWORK_INSTANCES; i++)
		if (network_pool_overlaps(i, address, prefix))
			*used |= 1ULL << i;
}

/* Whose is this number? */
static int claim_look(struct network_netlink *nl, unsigned instance,
		      const char *alias, struct error *e)
{
	struct network_link link;
	char name[IFNAMSIZ];
	int r;

	network_claim_name(name, instance);
	r = network_query_link(nl, name, &link, e);
	if (r < 0)
		return r;
	if (r == NETWORK_QUERY_ABSENT)
		return CLAIM_FREE;
	return str_eq(link.alias, alias) ? CLAIM_OURS : CLAIM_OTHERS;
}

/* Look, and make the bridge if there is none. */
static int claim_take(struct network_netlink *nl, unsigned instance,
		      const char *alias, struct error *e)
{
	char name[IFNAMSIZ];
	int r = claim_look(nl, instance, alias, e);

	if (r != CLAIM_FREE)
		return r;
	network_claim_name(name, instance);
	r = network_link_claim(nl, name, alias, network_pool_gateway(instance),
			       e);
	if (r == NETWORK_LINK_TAKEN)	/* somebody was faster */
		return CLAIM_OTHERS;
	return r < 0 ? r : CLAIM_OURS;
}

static int claim_any(struct network_netlink *nl, const char *alias,
		     uint64_t used, unsigned *ret, struct error *e)
{
	int r;

	for (*ret = 0; *ret < NETWORK_INSTANCES; ++*ret) {
		r = claim_look(nl, *ret, alias, e);
		if (r < 0 || r == CLAIM_OURS)
			return r;
	}
	for (*ret = 0; *ret < NETWORK_INSTANCES; ++*ret) {
		if (used >> *ret & 1)
			continue;
		r = claim_take(nl, *ret, alias, e);
		if (r < 0 || r == CLAIM_OURS)
			return r;
	}
	return error_set(e, EBUSY, "no free instance number: all are taken, or "
			 "their addresses (172.16.0.0/12) are in use here");
}

static int claim_wanted(struct network_netlink *nl, unsigned instance,
			const char *alias, uint64_t used, struct error *e)
{
	int was = claim_look(nl, instance, alias, e);
	int r = was == CLAIM_FREE ? claim_take(nl, instance, alias, e) : was;

	if (r < 0)
		return r;
	if (r == CLAIM_OTHERS)
		return error_set(e, EBUSY, "instance %u belongs to another root",
				 instance);
	/* With a bridge of ours, the addresses in use are its own. */
	return was == CLAIM_FREE && used >> instance & 1
		? NETWORK_CLAIM_COLLIDES : 0;
}

int network_claim(struct network_netlink *nl,
		  const struct network_config *config, unsigned *ret_instance,
		  unsigned *ret_bridge_index, struct error *e)
{
	const char *alias = config->root_name;
	unsigned instance = (unsigned)config->instance;
	struct network_link link;
	char name[IFNAMSIZ];
	uint64_t used = 0;
	int r, q;

	if (!*alias || strlen(alias) > NETWORK_ALIAS_MAX)
		return error_set(e, EINVAL, "the root's name has to be of 1 to "
				 "%d bytes", NETWORK_ALIAS_MAX);
	if (config->instance >= NETWORK_INSTANCES)
		return error_set(e, EINVAL, "instance %d is not in 0..%d",
				 config->instance, NETWORK_INSTANCES - 1);
	r = network_query_prefixes(nl, on_prefix, &used, e);
	if (r < 0)
		return r;
	r = config->instance < 0 ? claim_any(nl, alias, used, &instance, e)
				 : claim_wanted(nl, instance, alias, used, e);
	if (r < 0)
		return r;
	network_claim_name(name, instance);
	q = network_query_link(nl, name, &link, e);
	if (q == NETWORK_QUERY_ABSENT)
		return error_set(e, ENODEV, "bridge %s vanished", name);
	if (q < 0)
		return q;
	*ret_instance = instance;
	*ret_bridge_index = link.index;
	return r;
}
