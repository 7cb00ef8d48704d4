#pragma once

/*
 * tree.h - the tree that the entries of a slug describe together, in memory.
 *
 * It says which entries fit to those before them: parents are directories, a
 * hard link leads to a file that is there, a directory and a file do not share
 * a name. Checking and unpacking both go through it, so they agree.
 *
 * Memory: 23 bytes for an entry and 12 more for a directory, whatever the names.
 * A path is known by its keyed hash of 128 bits. Two paths with one hash would
 * be taken for one: an entry is refused, or the kernel refuses what we make of
 * it (nothing that exists is overwritten or followed). With 500 000 paths that
 * is one chance in 10^27, and nobody can improve it: the key is random, and
 * gone at the end.
 */
#include "base/base.h"
#include "slugstore/unpack/entry.h"
#include "slugstore/unpack/siphash.h"

struct error;
struct limits;
struct tree_node;
struct tree_time;

#define TREE_REPLACES 1		/* a file or link of this name goes first */
#define TREE_SAME 2		/* nothing to make: it is there already */

/* A directory's last word on its mode and time, set when all is unpacked. */
struct tree_directory {
	mode_t mode;
	struct timespec mtime;	/* tv_nsec UTIME_OMIT: not said */
};

struct tree {
	const struct limits *limits;
	struct siphash key;
	struct tree_node *nodes;	/* open addressing; slots of them */
	size_t slots;
	struct tree_time *times;	/* of directories, by their number */
	uint64_t n;			/* entries and implied directories */
	uint64_t n_directories;
	uint64_t names_bytes;
};

/* limits are borrowed. */
void tree_init(struct tree *t, const struct limits *limits);
void tree_deinit(struct tree *t);

/* 0, TREE_REPLACES, TREE_SAME, or < 0 with a message that names the entry. */
int tree_add(struct tree *t, const struct entry_verdict *en, struct error *e);

/* Is there anything below app/? */
bool tree_is_empty(const struct tree *t);

/* False: path is no directory of the tree. */
bool tree_directory(const struct tree *t, const char *path,
		    struct tree_directory *ret);
