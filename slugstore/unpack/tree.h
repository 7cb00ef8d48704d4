#pragma once

/*
 * tree.h - the tree that the entries of a slug describe together, in memory.
 *
 * It says which entries fit to those before them: parents are directories, a
 * hard link leads to a file that is there, a directory and a file do not share
 * a name. Checking and unpacking both go through it, so they agree.
 */
#include "base/base.h"
#include "slugstore/unpack/entry.h"

struct error;
struct limits;

#define TREE_REPLACES 1		/* a file or link of this name goes first */
#define TREE_SAME 2		/* nothing to make: it is there already */

/* A directory's last word on its mode and time, set when all is unpacked. */
struct tree_directory {
	const char *path;	/* borrowed */
	mode_t mode;
	struct timespec mtime;	/* tv_nsec UTIME_OMIT: not said */
};

struct tree {
	void *root;		/* of tsearch(3) */
	const struct limits *limits;
	uint64_t n;		/* entries and implied directories */
	uint64_t n_directories;
	uint64_t names_bytes;
};

#define TREE_INIT(l) ((struct tree){ .limits = (l) })

void tree_deinit(struct tree *t);

/* 0, TREE_REPLACES, TREE_SAME, or < 0 with a message that names the entry. */
int tree_add(struct tree *t, const struct entry_verdict *en, struct error *e);

/* Is there anything below app/? */
bool tree_is_empty(const struct tree *t);

/* All directories, each before its parent; t->n_directories of them. The
 * caller frees the array. */
struct tree_directory *tree_directories(const struct tree *t);
