#pragma once

/*
 * network_pool.h - the addresses of an instance. Time is an argument.
 *
 * Instance n has 172.16.0.0 + n * 2^14, /18. The first address is the
 * gateway's, and the first name server's; then come those of the other name
 * servers; the last one is the broadcast's. The search goes on from where the
 * last one ended, so that a freed address rests as long as it can, and at
 * least NETWORK_QUARANTINE_SEC.
 *
 * The table is a file that is mapped, so that the rest goes on when the daemon
 * is killed and started again: a change is a store to memory.
 */
#include "base/base.h"

#include <netinet/in.h>

struct error;
struct network_pool_file;

#define NETWORK_POOL_PREFIX 18
#define NETWORK_POOL_SIZE (1U << (32 - NETWORK_POOL_PREFIX))

struct network_pool {
	uint32_t base;			/* network address, host byte order */
	uint32_t cursor;
	struct network_pool_file *file;
	uint64_t *until_usec;		/* 0 free, UINT64_MAX in use, else rests */
};

#define NETWORK_POOL_INIT ((struct network_pool){ 0, 0, NULL, NULL })

/*
 * path: the file, made if it is absent; one of another boot of the machine, of
 * another instance or without sense is emptied. NULL: in memory only. start:
 * where the search begins, any number. Addresses that were in use begin to
 * rest; network_pool_occupy() those that are on record.
 */
int network_pool_open(struct network_pool *p, const char *path,
		      unsigned instance, uint32_t start, uint64_t now_usec,
		      struct error *e);
void network_pool_close(struct network_pool *p);

struct in_addr network_pool_network(unsigned instance);
struct in_addr network_pool_gateway(unsigned instance);
/* i < NETWORK_SERVERS */
struct in_addr network_pool_server(unsigned instance, unsigned i);
/* Do the block of the instance and address/prefix have an address in common? */
bool network_pool_overlaps(unsigned instance, struct in_addr address,
			   unsigned prefix);

/* 0..NETWORK_POOL_SIZE-1; the size: not an address that we hand out. */
uint32_t network_pool_slot(const struct network_pool *p, struct in_addr address);

/* False: all are in use or at rest. */
bool network_pool_take(struct network_pool *p, uint64_t now_usec,
		       struct in_addr *ret);
/* These ignore addresses of other blocks and the reserved ones. */
void network_pool_occupy(struct network_pool *p, struct in_addr address);
void network_pool_release(struct network_pool *p, struct in_addr address,
			  uint64_t now_usec);
