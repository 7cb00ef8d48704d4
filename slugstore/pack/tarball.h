#pragma once

/*
 * tarball.h - write a compressed tar whose bytes depend on nothing but what is
 * put in: owner 0:0 without names, no time of its own, a fixed number of
 * threads.
 */
#include "base/base.h"
#include "slugstore/unpack/entry.h"

struct error;
struct tarball;

enum tarball_filter {
	TARBALL_GZIP,
	TARBALL_ZSTD,
	TARBALL_XZ,
	TARBALL_NONE,
	TARBALL_FILTER_COUNT,
};

const char *tarball_filter_name(enum tarball_filter filter);
/* Case matters; false: no such filter. */
bool tarball_filter_find(const char *name, enum tarball_filter *ret);
/* The levels that limits_slug lets be unpacked; 0..0: it has none. */
void tarball_filter_levels(enum tarball_filter filter, int *ret_min, int *ret_max);

/* fd: a regular file, borrowed. level -1: the filter's own default. */
int tarball_open(struct tarball **ret, int fd, enum tarball_filter filter,
		 int level, struct error *e);
struct tarball *tarball_free(struct tarball *t);
DEFINE_AUTO(struct tarball, tarball_free)

/* Then size bytes of data, for a file that is no hard link. */
int tarball_add(struct tarball *t, const struct entry_claim *entry,
		struct error *e);
int tarball_write(struct tarball *t, const void *data, size_t n,
		  struct error *e);
int tarball_close(struct tarball *t, struct error *e);
