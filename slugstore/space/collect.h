#pragma once

/*
 * collect.h - keep the store below its water marks.
 *
 * A collection begins for a mark (bytes, inodes, percent) when what the store
 * takes is above "high", and goes on until it is not above "low". What goes,
 * in this order, until it is enough:
 *
 *   1. trees set aside in damaged/, the oldest first
 *   2. interrupted downloads that nobody works on, the oldest first
 *   3. trees of slugs that nobody uses, least recently used first: unpacking
 *	the blob again takes seconds, and the tree is most of the slug
 *   4. the blobs of these, in the same order, and images with them
 *
 * Never: a slug that is leased, being unpacked or pinned. Used is when it was
 * leased, unpacked or imported, whatever was last; a lease that a collection
 * finds counts anew. Interrupted downloads older than a day go anyway.
 *
 * A slug leaves its name in one step and is deleted after: a collector that
 * dies leaves a valid store, and the rest to whoever opens it next.
 */
#include "base/base.h"
#include "base/id.h"

struct error;
struct store;

/* 0 = no such mark. Bytes are those of allocated blocks; percent is of the
 * file system, of its blocks and of its inodes, whoever uses them. A low mark
 * of 0 beside a high one that is none is the high one. */
struct collect_marks {
	uint64_t high_bytes, low_bytes;
	uint64_t high_inodes, low_inodes;
	uint64_t high_percent, low_percent;
};

/* The store's marks from now on, none if all are 0. They say when to collect;
 * what has room is never refused for them. From now on it also collects
 * by itself for what would not fit (space.h): until this is called, whoever has
 * the store open decides alone what goes. EINVAL: a low one above its high one, a
 * percentage above 100. */
int store_set_marks(struct store *s, const struct collect_marks *marks,
		    struct error *e);

enum collect_kind {
	COLLECT_DAMAGED, COLLECT_PARTIAL, COLLECT_TREE, COLLECT_BLOB,
	COLLECT_KINDS,
};
extern const char *const collect_kind_names[COLLECT_KINDS];

/* What has gone, or would go. */
struct collect_victim {
	enum collect_kind kind;
	const char *name;	/* in its directory */
	uint64_t used_usec;	/* last used, since 1970 */
	uint64_t bytes, inodes;
};

struct collect_request {
	bool dry_run;		/* change nothing, call on_victim all the same */
	/* Room wanted beyond what is there; it counts as used. */
	uint64_t bytes, inodes;
	void (*on_victim)(const struct collect_victim *v, void *userdata);
	void *userdata;		/* on_victim may be NULL */
};

struct collect_result {
	uint64_t counts[COLLECT_KINDS];
	uint64_t bytes, inodes;		/* freed */
	uint64_t in_use, pinned;	/* slugs that were passed over for it */
	bool enough;	/* down to the low marks of what was above a high one */
	bool fits;		/* the room that was wanted is there */
	uint64_t room_bytes, room_inodes;	/* that there is at the end */
};

/* Nothing to collect is success, and so is not enough. What cannot be removed
 * does not spare the others: *ret is written, and the first error returned. */
int store_collect(struct store *s, const struct collect_request *req,
		  struct collect_result *ret, struct error *e);
