#pragma once

/*
 * tar.h - read a slug file: gzip, zstd or no compression, around a tar.
 *
 * Only these four parts of libarchive are switched on, and only its reading
 * side is used; what an entry may do is decided elsewhere. Every byte of the
 * file goes through a SHA-256, so that who unpacks also verifies.
 *
 * Order: tar_open, then tar_next until TAR_END; after each entry tar_data
 * until TAR_END or nothing at all; at last tar_finish.
 */
#include "base/base.h"
#include "base/id.h"
#include "slugstore/entry.h"

struct error;
struct limits;
struct tar;

#define TAR_END 1

struct tar_source {
	int fd;			/* borrowed, a regular file; read from offset 0 */
	const struct limits *limits;
	void (*on_progress)(uint64_t done, uint64_t total, void *userdata);
	void *userdata;		/* on_progress may be NULL */
};

int tar_open(struct tar **ret, const struct tar_source *src, struct error *e);
struct tar *tar_free(struct tar *t);
DEFINE_AUTO(struct tar, tar_free)

/* 0 and the claim (borrowed until the next call), or TAR_END. */
int tar_next(struct tar *t, struct entry_claim *ret, struct error *e);

/* 0 and a piece of the entry's data at *ret_offset of it (holes are left
 * out; never beyond the claimed size), or TAR_END. */
int tar_data(struct tar *t, const void **ret, size_t *ret_n,
	     uint64_t *ret_offset, struct error *e);

/* Read what is behind the tar's end; the SHA-256 of the whole file. */
int tar_finish(struct tar *t, char ret_sha256[SHA256_HEX_MAX], struct error *e);
