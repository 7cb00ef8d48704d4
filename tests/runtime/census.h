#pragma once

/*
 * census.h - what an instance of the runtime holds of this machine, counted.
 *
 * Two censuses are compared; between them the kernel may need time, since it
 * ends links and namespaces behind our back.
 */
#include "base/base.h"

struct runtime;

struct census {
	size_t records;		/* entries of the directory of records */
	size_t groups;		/* control groups of dynos, over all hierarchies */
	size_t links;		/* of dynos */
	size_t processes;	/* with a user id of the instance, dead ones too */
	size_t children;	/* of ours, dead or alive; 1 = some */
	size_t fds;		/* of ours */
	size_t slots;		/* ranges of user ids in use */
	char *filter;		/* our tables of the packet filter, as text */
	char *mounts;		/* our mount table */
	size_t heap;		/* bytes in use; not compared */
};

#define CENSUS_INIT ((struct census){ .records = 0 })

void census_take(struct census *ret, const struct runtime *rt);
void census_deinit(struct census *c);

/* True if they are equal; else each difference is a line on standard output. */
bool census_equal(const struct census *before, const struct census *now, bool tell);

/* Take censuses until one is equal, for so long at most. */
bool census_await(struct census *ret, const struct census *before,
		  const struct runtime *rt, unsigned msec);
