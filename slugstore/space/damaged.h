#pragma once

/*
 * damaged.h - set aside what failed its check, so that it is made anew.
 *
 * It goes to damaged/<sha256>-<time>: a tree as it is, a blob as "blob" in a
 * directory. There, or in a tree that could not go yet, the file ".damaged" says
 * in one line what was wrong. Pins do not matter: what is wanted is another copy.
 */
#include "base/base.h"

struct error;
struct store;

#define DAMAGED_LEASED 1

/* Set the tree aside. DAMAGED_LEASED: a dyno uses it, or somebody changes it;
 * it is marked, and goes when somebody asks for it once it is free. */
int damaged_tree(struct store *s, const char *sha256, const char *reason,
		 struct error *e);

/* Called before a tree is used: set it aside if it is marked and free. 1: that
 * was done; 0: the tree, if there is one, may be used. */
int damaged_take_marked(struct store *s, const char *sha256, struct error *e);

/* Set aside the blob that fd has open, unless another one has its name now. */
int damaged_blob(struct store *s, const char *sha256, int fd,
		 const char *reason, struct error *e);

/* Why a tree or blob of this name was set aside last; false: none is there, or
 * that has been told before. */
bool damaged_tell(struct store *s, const char *sha256, char *ret, size_t n);
