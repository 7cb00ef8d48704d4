#pragma once

/*
 * oci_arena.h - memory of one parse: taken piece by piece, freed at once.
 */
#include "base/base.h"

struct oci_arena_chunk;

struct oci_arena {
	struct oci_arena_chunk *chunks;
	size_t used, size;		/* of the newest chunk */
};

/* n zeroed elements, aligned for anything. Never NULL, even for n = 0. */
void *oci_arena_get(struct oci_arena *a, size_t n, size_t size);
void oci_arena_deinit(struct oci_arena *a);
