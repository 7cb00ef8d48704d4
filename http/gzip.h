#pragma once

/*
 * gzip.h - bodies with "Content-Encoding: gzip", packed and unpacked in memory.
 *
 * Fast rather than small. What comes from outside is unpacked up to a bound: of
 * a bomb no more than that is ever held.
 */
#include "base/base.h"

struct buf;
struct error;

/* Append the n bytes, packed. EFBIG: 4 GiB and more. */
int gzip_pack(const void *data, size_t n, struct buf *ret, struct error *e);

/* Append what was packed as one member. EFBIG: it is
 * more than max bytes; EBADMSG: it is damaged, or ends early. *ret has a piece of
 * it after an error. */
int gzip_unpack(const void *data, size_t n, size_t max, struct buf *ret,
		struct error *e);
