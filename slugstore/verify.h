#pragma once

/*
 * verify.h - is a slug of the store still what it was? What is not, is set aside
 * (damaged.h), and comes anew: a tree by the next store_unpack(), a blob by
 * whoever fetches.
 */
#include "base/error.h"

struct store;

#define VERIFY_BLOB 1U
#define VERIFY_TREE 2U

enum verify_state {
	VERIFY_ABSENT,		/* not here, or not asked for */
	VERIFY_SOUND,
	VERIFY_UNKNOWN,		/* a tree of an older version: has no manifest */
	VERIFY_CHANGING,	/* a tree: somebody makes or removes it just now */
	VERIFY_DAMAGED,
	VERIFY_STATES,
};

const char *verify_state_name(enum verify_state state);

struct verify_part {
	enum verify_state state;
	bool is_leased;		/* damaged, and still in its place: a dyno uses it */
	char fault[ERROR_MSG_MAX];	/* VERIFY_DAMAGED: what is wrong */
};

struct verify {
	struct verify_part blob, tree;
};

/* what: VERIFY_BLOB, VERIFY_TREE or both. Reads all of it; calls the store's
 * on_progress. 0 and *ret, or < 0: it could not be checked. */
int verify_slug(struct store *s, const char *sha256, unsigned what,
		struct verify *ret, struct error *e);
