#pragma once

/*
 * usage.h - what slugs take on the file system, and when they were used.
 *
 * Bytes are those of allocated blocks, as du(1) counts. A file of several names
 * counts once; if one of its names is outside of what is measured, it is
 * "shared" and counts there: an image in trees/ is its blob.
 *
 * Trees do not change. So what a walk over one has found is kept beside it, in
 * trees/<sha256>/.usage, and is believed from then on.
 */
#include "base/base.h"
#include "base/id.h"
#include "slugstore/lease.h"

struct error;
struct store;

struct usage {
	uint64_t bytes, inodes;
	uint64_t shared;	/* bytes, not in bytes */
};

void usage_add(struct usage *sum, const struct usage *u);

/* A file or a directory with all in it; what vanishes meanwhile counts
 * nothing. */
int usage_walk(int dirfd, const char *path, struct usage *ret, struct error *e);

/* The same for trees/<sha256>, from its note if there is one. */
int usage_tree(struct store *s, const char *sha256, struct usage *ret,
	       struct error *e);

struct usage_store {
	struct usage blobs, trees, partial, damaged, incoming;
	struct usage other;	/* locks, pins, and the directories themselves */
	struct usage total;
};
int usage_store(struct store *s, struct usage_store *ret, struct error *e);

/* The file system; unlimited values are UINT64_MAX. */
struct usage_fs {
	uint64_t bytes, bytes_free;	/* for who is not root */
	uint64_t inodes, inodes_free;
	uint64_t block;
};
int usage_fs(struct store *s, struct usage_fs *ret, struct error *e);

/* One slug. */
struct usage_slug {
	char sha256[SHA256_HEX_MAX];
	bool has_blob, has_tree, pinned;
	enum lease_state lease;
	uint64_t size;			/* of the blob, as it came */
	struct usage blob, tree;
	/* Since 1970, 0: never. Used is the latest of all. */
	uint64_t imported_usec, unpacked_usec, leased_usec, used_usec;
};
/* 0, or STORE_ABSENT. */
int usage_slug(struct store *s, const char *sha256, struct usage_slug *ret,
	       struct error *e);
