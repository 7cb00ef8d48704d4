#pragma once

/*
 * leftover.h - what is in a store and is no slug: trees set aside in damaged/,
 * interrupted downloads in partial/.
 */
#include "slugstore/space/collect.h"
#include "slugstore/space/usage.h"

#define LEFTOVER_BUSY 1		/* somebody uses it, or works on it */

struct leftover {
	char *name;
	uint64_t usec;		/* last changed, since 1970 */
	struct usage usage;	/* of a download: with its .from */
	bool ages;		/* goes when it is old, whether space is needed or not */
};

struct leftovers {
	struct leftover *v;	/* the oldest first */
	size_t n;
};

#define LEFTOVERS_INIT ((struct leftovers){ NULL, 0 })

void leftovers_deinit(struct leftovers *all);

/* kind: COLLECT_DAMAGED or COLLECT_PARTIAL. */
int leftovers_look(struct leftovers *ret, struct store *s,
		   enum collect_kind kind, struct error *e);

/* An interrupted download of more than a day ago: nobody will resume it. */
bool leftover_is_stale(const struct leftover *l);

/* 0: has gone; or LEFTOVER_BUSY. dry_run: would it? */
int leftover_remove(const struct leftover *l, struct store *s,
		    enum collect_kind kind, bool dry_run, struct error *e);
