#pragma once

/*
 * network_claim.h - which instance number is ours: the bridge is the claim.
 */
#include "base/base.h"

#include <linux/if.h>

struct error;
struct network_config;
struct network_netlink;

/* "dyno3". */
void network_claim_name(char ret[IFNAMSIZ], unsigned instance);

/*
 * Find the bridge that carries our root's name, or make one: the wanted number,
 * or the first one that is free and whose addresses the host does not use.
 * EBUSY: the wanted number belongs to another root, or none is left.
 * NETWORK_CLAIM_COLLIDES: claimed as wanted, though the host uses addresses
 * of it.
 */
#define NETWORK_CLAIM_COLLIDES 1
int network_claim(struct network_netlink *nl,
		  const struct network_config *config, unsigned *ret_instance,
		  unsigned *ret_bridge_index, struct error *e);
