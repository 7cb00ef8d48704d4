/*
 * limits.c - the numbers. Heroku's own limit is 500 MiB of packed slug; these
 * are what a slug of that size can honestly need.
 */
#include "slugstore/unpack/limits.h"

#define LIMITS_MIB (1024ULL * 1024)
#define LIMITS_GIB (1024 * LIMITS_MIB)

const struct limits limits_slug = {
	.entries = 500000,
	.depth = 64,
	.name_bytes = 255,
	.path_bytes = 4095,
	.names_bytes = 128 * LIMITS_MIB,
	.file_bytes = 2 * LIMITS_GIB,
	.total_bytes = 4 * LIMITS_GIB,
	.ratio = 200,
	.ratio_from = 64 * LIMITS_MIB,
	.header_bytes = LIMITS_MIB,
	.window_bytes = 40 * LIMITS_MIB,	/* xz -8 needs 33 MiB */
	.seconds = 600,
};
