#pragma once

/*
 * tar.h - read the tar in a slug file: pax, GNU, ustar and older.
 *
 * Only this part of libarchive is switched on, and only its reading side is
 * used, behind inflate.h; what an entry may do is decided elsewhere. Behind the
 * end of the archive only zeros may follow. Messages name the entry.
 *
 * Order: tar_open, then tar_next until TAR_END; after each entry tar_data
 * until TAR_END or nothing at all; at last tar_finish.
 */
#include "base/base.h"
#include "slugstore/unpack/entry.h"

struct error;
struct inflate_source;
struct tar;

#define TAR_END 1

int tar_open(struct tar **ret, const struct inflate_source *src, struct error *e);
struct tar *tar_free(struct tar *t);
DEFINE_AUTO(struct tar, tar_free)

/* 0 and the claim (borrowed until the next call), or TAR_END. */
int tar_next(struct tar *t, struct entry_claim *ret, struct error *e);

/* 0 and a piece of the entry's data at *ret_offset of it (holes are left
 * out; never beyond the claimed size), or TAR_END. */
int tar_data(struct tar *t, const void **ret, size_t *ret_n,
	     uint64_t *ret_offset, struct error *e);

/* Check what is behind the tar's end, to the end of the file. */
int tar_finish(struct tar *t, struct error *e);
