#pragma once

/*
 * store_dir.h - the store as its own files see it.
 */
#include "slugstore/space/collect.h"
#include "slugstore/store.h"

struct store {
	char *dir;
	int blobs_fd, trees_fd, partial_fd, incoming_fd, locks_fd;
	int pins_fd, damaged_fd;
	struct collect_marks marks;
	bool collects;		/* by itself: marks were set, if only to none */
	store_progress_fn on_progress;
	void *userdata;
};

/* Adds the names in a directory that are SHA-256, in no order. */
int store_list_dir(int dirfd, struct strv *ret, struct error *e);

int store_compare(const void *a, const void *b);	/* of names, for qsort(3) */

/* What has been named in one of the store's directories is there for ever. name
 * is what an error calls it. */
int store_sync_dir(struct store *s, int dir_fd, const char *name,
		   struct error *e);

/* -EINVAL and a message if text is no SHA-256 in lower-case hex. */
int store_check_name(const char *sha256, struct error *e);
