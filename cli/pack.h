#pragma once

/*
 * pack.h - slugs: a directory becomes a gzip'd tar with everything under
 * ./app, and the Procfile is read out of one that exists.
 *
 * The same tree gives the same bytes: names are sorted, the owner is root, the
 * time of the packing is nowhere. Times of files are part of the tree (web
 * servers make ETags of them), in whole seconds, and not later than
 * SOURCE_DATE_EPOCH if that is set. Whatever is called ".git" is left out.
 */
#include "base/base.h"

struct buf;
struct error;

struct pack_result {
	uint64_t files;			/* entries that are not directories */
	uint64_t bytes;			/* of their content */
	char *skipped;			/* the first socket, fifo or device that was
					 * left out; NULL = none */
};

#define PACK_RESULT_INIT ((struct pack_result){ 0, 0, NULL })

void pack_result_deinit(struct pack_result *r);

/* Write the slug of a directory to out_fd. epoch_sec: SOURCE_DATE_EPOCH, or -1.
 * Errors name the file. */
int pack_directory(const char *dir, int out_fd, int64_t epoch_sec,
		   struct pack_result *ret, struct error *e);

/* Append ./app/Procfile of the slug in fd, which is read from its start.
 * ENOENT: it has none. EINVAL: no tar. */
int pack_procfile(int fd, struct buf *ret, struct error *e);
