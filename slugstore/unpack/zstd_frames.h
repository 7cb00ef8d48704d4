#pragma once

/*
 * zstd_frames.h - the memory that a zstd stream asks for, before it gets it.
 *
 * libarchive lets each frame have 128 MiB and has no way to say less. So its
 * input is followed from frame to frame and block to block (RFC 8878); what is
 * not understood is left to the decoder, which refuses it.
 */
#include "base/base.h"

struct zstd_frames {
	uint8_t head[32];	/* what must be seen together */
	size_t have, want;
	uint64_t skip;		/* bytes of no interest */
	int at;			/* enum in zstd_frames.c */
	bool has_checksum;
};

#define ZSTD_FRAMES_INIT ((struct zstd_frames){ .want = 4 })

/* The largest window of the frames that begin in these bytes; 0: none does. */
uint64_t zstd_frames_add(struct zstd_frames *z, const uint8_t *p, size_t n);
