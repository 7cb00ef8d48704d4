#pragma once

/*
 * walk.h - everything below a directory, without ever following a link.
 */
#include "base/base.h"

#include <sys/stat.h>

struct error;

#define WALK_DEPTH_MAX 128

struct walk_at {
	int dir_fd;		/* borrowed: the directory it is in */
	const char *name;	/* in there */
	const char *path;	/* below the top, without a slash in front */
	struct stat st;		/* of itself, not of what a link leads to */
};

/* Called for each, a directory before what is in it. Anything but 0 ends the
 * walk. */
typedef int (*walk_fn)(const struct walk_at *at, void *userdata,
		       struct error *e);

/* 0, what fn returned, or < 0: ELOOP: deeper than WALK_DEPTH_MAX; EXDEV:
 * something is mounted there. A directory which its owner may not read is made
 * readable until it has been read. */
int walk_tree(int fd, walk_fn fn, void *userdata, struct error *e);

/* Open what at names for reading; permission is overcome in the same way.
 * Returns the descriptor. */
int walk_open(const struct walk_at *at, struct error *e);
