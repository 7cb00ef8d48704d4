#include "runtime/network_pool.h"
#include "runtime/network.h"

#include <arpa/inet.h>

#define FIRST (1U + NETWORK_SERVERS)	/* 0 is the network, 1 the gateway */
#define LAST (NETWORK_POOL_SIZE - 2)	/* the one behind is the broadcast */
#define IN_USE UINT64_MAX

static uint32_t pool_base(unsigned instance)
{
	assert(instance < NETWORK_INSTANCES);
	return (172U << 24 | 16U << 16) + instance * NETWORK_POOL_SIZE;
}

static struct in_addr pool_address(uint32_t host_order)
{
	return (struct in_addr){ .s_addr = htonl(host_order) };
}

struct in_addr network_pool_network(unsigned instance)
{
	return pool_address(pool_base(instance));
}

struct in_addr network_pool_gateway(unsigned instance)
{
	return pool_address(pool_base(instance) + 1);
}

struct in_addr network_pool_server(unsigned instance, unsigned i)
{
	return pool_address(pool_base(instance) + 1 + i);
}

bool network_pool_overlaps(unsigned instance, struct in_addr address,
			   unsigned prefix)
{
	unsigned shorter = prefix < NETWORK_POOL_PREFIX ? prefix
							: NETWORK_POOL_PREFIX;
	uint32_t mask = shorter ? ~0U << (32 - shorter) : 0;

	return ((ntohl(address.s_addr) ^ pool_base(instance)) & mask) == 0;
}

void network_pool_init(struct network_pool *p, unsigned instance,
		       uint32_t start)
{
	p->base = pool_base(instance);
	p->cursor = FIRST + start % (LAST - FIRST + 1);
	p->until_usec = xcalloc(NETWORK_POOL_SIZE, sizeof(*p->until_usec));
}

void network_pool_deinit(struct network_pool *p)
{
	free(p->until_usec);
	p->until_usec = NULL;
}

bool network_pool_take(struct network_pool *p, uint64_t now_usec,
		       struct in_addr *ret)
{
	for (uint32_t n = FIRST; n <= LAST; n++) {
		uint32_t i = p->cursor;

		p->cursor = i == LAST ? FIRST : i + 1;
		if (p->until_usec[i] > now_usec)
			continue;
		p->until_usec[i] = IN_USE;
		*ret = pool_address(p->base + i);
		return true;
	}
	return false;
}

/* NULL: not an address that we hand out. */
static uint64_t *pool_slot(struct network_pool *p, struct in_addr address)
{
	uint32_t i = ntohl(address.s_addr) - p->base;

	return i >= FIRST && i <= LAST ? &p->until_usec[i] : NULL;
}

void network_pool_occupy(struct network_pool *p, struct in_addr address)
{
	uint64_t *slot = pool_slot(p, address);

	if (slot)
		*slot = IN_USE;
}

void network_pool_release(struct network_pool *p, struct in_addr address,
			  uint64_t now_usec)
{
	uint64_t *slot = pool_slot(p, address);

	/* A second release must not end the rest nor prolong it. */
	if (slot && *slot == IN_USE)
		*slot = now_usec + NETWORK_QUARANTINE_SEC * USEC_PER_SEC;
}
