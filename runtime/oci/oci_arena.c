/*
 * oci_arena.c - chunks in a chain, the newest is filled.
 */
#include "runtime/oci/oci_arena.h"

#define CHUNK_BYTES 16384

struct oci_arena_chunk {
	struct oci_arena_chunk *next;
	max_align_t data[];
};

static size_t arena_round(size_t n)
{
	return (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) *
		sizeof(max_align_t);
}

void *oci_arena_get(struct oci_arena *a, size_t n, size_t size)
{
	struct oci_arena_chunk *c;
	size_t bytes;

	/* Both come from counted JSON, which is bounded. */
	assert(size > 0 && n < SIZE_MAX / 4 / size);
	bytes = arena_round(n > 0 ? n * size : 1);
	if (!a->chunks || a->size - a->used < bytes) {
		a->size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
		a->used = 0;
		c = xcalloc(1, sizeof(*c) + a->size);
		c->next = a->chunks;
		a->chunks = c;
	}
	a->used += bytes;
	return (char *)a->chunks->data + a->used - bytes;
}

void oci_arena_deinit(struct oci_arena *a)
{
	while (a->chunks) {
		struct oci_arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
	a->used = a->size = 0;
}
