#pragma once

/*
 * limits.h - what a slug may cost us: one table.
 *
 * Everything in a slug is chosen by a stranger. Tests use smaller numbers.
 */
#include "base/base.h"

struct limits {
	uint64_t entries;	/* entries, and directories they imply */
	uint64_t depth;		/* components of a path, "app" included */
	uint64_t name_bytes;	/* one component */
	uint64_t path_bytes;	/* a path, a link's target */
	uint64_t names_bytes;	/* all paths together: they are in the manifest */
	uint64_t file_bytes;	/* one file */
	uint64_t total_bytes;	/* all files together */
	uint64_t ratio;		/* unpacked / packed bytes... */
	uint64_t ratio_from;	/* ...once so many bytes are unpacked */
	uint64_t header_bytes;	/* what stands before one entry's data */
	uint64_t window_bytes;	/* memory of the decompression */
	uint64_t seconds;	/* until all is written; see below */
};

/*
 * The time is looked at for each block that is read or decoded. The last syncfs()
 * of the store is not in it: nobody can break it off, and a disk that is slow is
 * not the slug's fault. How much it may have to write is limited (writeback.h).
 */
extern const struct limits limits_slug;
