#pragma once

/*
 * manifest_check.h - is a tree what its manifest says?
 *
 * Every path: type, mode, owner (that of the tree's directory), size, time, link
 * target, the SHA-256 of the bytes, which paths are one file; none missing, none
 * more. Beside app the tree may have what is the store's: names with a dot, and
 * "image". No link is followed.
 *
 * A time is also right if the file system can only keep it so: then an unnamed
 * file is made and asked. Files that their owner may not read are made readable
 * for as long as it takes (walk.h).
 */
#include "base/base.h"
#include "slugstore/manifest/manifest_reader.h"

struct error;

#define MANIFEST_DIFFERS 3

struct manifest_check {
	int tree_fd, manifest_fd;	/* borrowed */
	void (*on_progress)(uint64_t done, uint64_t total, void *userdata);
	void *userdata;			/* on_progress may be NULL */
};

/* 0; MANIFEST_EMPTY: an older version's, which says nothing; MANIFEST_DIFFERS
 * and the first difference found, or what is wrong with the manifest or cannot
 * be read from the disk, in *ret_difference; < 0: it could not be checked. */
int manifest_check(const struct manifest_check *in, struct error *ret_difference,
		   struct error *e);

/* Has this file the form of a manifest's end, or is it empty? Reads its last
 * bytes only. */
bool manifest_check_end(int fd);
