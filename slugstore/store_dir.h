#pragma once

/*
 * store_dir.h - the store as its own files see it.
 */
#include "slugstore/store.h"

struct store {
	char *dir;
	int blobs_fd, trees_fd, partial_fd, incoming_fd, locks_fd;
	store_progress_fn on_progress;
	void *userdata;
};

/* -EINVAL and a message if text is no SHA-256 in lower-case hex. */
int store_check_name(const char *sha256, struct error *e);
