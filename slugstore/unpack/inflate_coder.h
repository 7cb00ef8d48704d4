#pragma once

/*
 * inflate_coder.h - what a decoder is to inflate.c.
 *
 * gzip and xz are done by ourselves: libarchive does not compare the check sums
 * of gzip, and lets xz have a gigabyte. The others are libarchive's.
 */
#include "slugstore/unpack/inflate.h"

#define INFLATE_BLOCK (256 * 1024)

struct inflate_coder {
	const char *magic;
	size_t magic_n;
	int (*open)(struct inflate *f, void **ret_state, struct error *e);
	/* As inflate_read(); at INFLATE_END the input is used up. */
	int (*read)(struct inflate *f, void *state, void *to, size_t room,
		    size_t *ret_n, struct error *e);
	void (*free)(void *state);
};

extern const struct inflate_coder inflate_gzip, inflate_xz, inflate_zstd,
	inflate_bzip2, inflate_lz4;

/* The next bytes of the file, borrowed until the next call; none at its end. */
int inflate_input(struct inflate *f, const uint8_t **ret, size_t *ret_n,
		  struct error *e);

const struct limits *inflate_limits(const struct inflate *f);

/* The messages that all decoders share. */
int inflate_damaged(struct error *e, const char *what);
int inflate_is_cut(struct error *e);
int inflate_has_more(struct error *e);
int inflate_is_hungry(struct inflate *f, uint64_t bytes, struct error *e);
