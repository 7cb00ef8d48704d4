#pragma once

/*
 * pack.h - a directory becomes a slug: a tar with everything below ./app.
 *
 * The same content gives the same bytes on any machine: names are in the order
 * of their bytes, the owner is root, the bits of a mode that depend on a umask
 * of 022 or 002 are gone (0755 is what can stay; setuid, setgid and sticky
 * never do), and times are either fixed or part of the content (whole seconds).
 * Hard links within the directory stay such, symbolic links are verbatim.
 * No link is followed but the directory's own name. What a slug may not hold
 * (entry.h, limits.h) is an error that names it, except for sockets, fifos and
 * devices: they are left out. A file or directory that changes meanwhile is an
 * error.
 */
#include "base/base.h"
#include "base/strv.h"
#include "slugstore/pack/tarball.h"

#include <sys/stat.h>

struct error;

#define PACK_EPOCH_SEC 315532800	/* 1980-01-01: zip knows nothing before */
#define PACK_SKIPPED_MAX 64

struct pack_spec {
	const char *dir;
	int out_fd;			/* a regular file, borrowed */
	enum tarball_filter filter;
	int level;			/* -1: default */
	bool keep_times;		/* else all are epoch_sec */
	int64_t epoch_sec;		/* keep_times: none is later, if >= 0 */
	const struct stat *except;	/* files that are left out: the output */
	size_t n_except;
	void (*on_progress)(uint64_t done, uint64_t total, void *userdata);
	void *userdata;			/* on_progress may be NULL; total is 0 */
};

struct pack_result {
	uint64_t entries;		/* all of the tar */
	uint64_t files;			/* those that are not directories */
	uint64_t bytes;			/* of their content */
	uint64_t ignored;		/* paths that .slugignore matched */
	uint64_t dropped;		/* that are always left out */
	uint64_t n_skipped;		/* sockets, fifos, devices; */
	struct strv skipped;		/* the first of them */
};

#define PACK_RESULT_INIT ((struct pack_result){ .skipped = STRV_INIT })

void pack_result_deinit(struct pack_result *r);

/* EBUSY: something changed. */
int pack_directory(const struct pack_spec *spec, struct pack_result *ret,
		   struct error *e);
