#pragma once

/*
 * evict.h - take a slug, or its tree or blob alone, out of the store.
 *
 * It leaves its names under the slug's exclusive lock and that of the pins,
 * by renaming into incoming/; deleting comes after, when nobody waits for a
 * lock. If we die between, whoever opens the store next deletes the rest.
 */
#include "slugstore/incoming.h"

#define EVICT_BUSY 1		/* leased, or being changed */
#define EVICT_PINNED 2

enum evict_what { EVICT_TREE, EVICT_BLOB, EVICT_ALL };

/* What has left its name. */
struct eviction {
	struct incoming tree, blob;
};

#define EVICTION_INIT ((struct eviction){ INCOMING_INIT, INCOMING_INIT })

/* 0 and *ret, or an outcome above with nothing changed. Absent = done. Whatever
 * is returned, evict_finish() is to follow. */
int evict(struct eviction *ret, struct store *s, const char *sha256,
	  enum evict_what what, struct error *e);

/* Delete it. */
void evict_finish(struct eviction *ev);
