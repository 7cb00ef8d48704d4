/* gzip.c - ISA-L, which unpacks slugs as well. */
#include "base/buf.h"
#include "base/error.h"
#include "http/gzip.h"

#include <isa-l/igzip_lib.h>

#define STEP (64 * 1024)
#define STORED_MAX 65535		/* bytes of a block that could not be packed, */
#define STORED_HEAD 5			/* and of its head */
#define WRAP_BYTES 64			/* gzip's head and end, and the last block */

int gzip_pack(const void *data, size_t n, struct buf *ret, struct error *e)
{
	size_t max = n + (n / STORED_MAX + 1) * STORED_HEAD + WRAP_BYTES;
	auto_free struct isal_zstream *z = NULL;
	int r;

	if (max > UINT32_MAX)
		return error_set(e, EFBIG, "%zu bytes are too many for one body", n);
	z = xcalloc(1, sizeof(*z));
	isal_deflate_stateless_init(z);
	z->gzip_flag = IGZIP_GZIP;
	z->end_of_stream = 1;
	buf_reserve(ret, max);
	z->next_in = (uint8_t *)data;
	z->avail_in = (uint32_t)n;
	z->next_out = (uint8_t *)ret->data + ret->len;
	z->avail_out = (uint32_t)max;
	r = isal_deflate_stateless(z);
	if (r != COMP_OK)
		return error_set(e, EIO, "pack %zu bytes: ISA-L says %d", n, r);
	ret->len += z->total_out;
	ret->data[ret->len] = '\0';
	return 0;
}

int gzip_unpack(const void *data, size_t n, size_t max, struct buf *ret,
		struct error *e)
{
	auto_free struct inflate_state *z = xcalloc(1, sizeof(*z));
	size_t total = 0;

	if (n > UINT32_MAX)
		return error_set(e, EFBIG, "%zu packed bytes are too many", n);
	isal_inflate_init(z);
	z->crc_flag = ISAL_GZIP;
	z->next_in = (uint8_t *)data;
	z->avail_in = (uint32_t)n;
	while (z->block_state != ISAL_BLOCK_FINISH) {
		/* One byte more than may come, to see that it does. */
		size_t room = max - total < STEP ? max - total + 1 : STEP, got;

		buf_reserve(ret, room);
		z->next_out = (uint8_t *)ret->data + ret->len;
		z->avail_out = (uint32_t)room;
		if (isal_inflate(z) < 0)
			return error_set(e, EBADMSG, "the packed body is damaged");
		got = room - z->avail_out;
		ret->len += got;
		ret->data[ret->len] = '\0';
		total += got;
		if (total > max)
			return error_set(e, EFBIG, "more than %zu bytes", max);
		if (got == 0 && z->avail_in == 0 &&
		    z->block_state != ISAL_BLOCK_FINISH)
			return error_set(e, EBADMSG, "the packed body ends early");
	}
	return z->avail_in ? error_set(e, EBADMSG, "there is more behind the packed body")
			   : 0;
}
