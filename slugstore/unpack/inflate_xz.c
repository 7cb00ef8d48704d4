/*
 * inflate_xz.c - xz by liblzma, with the limit on memory that xz -9 exceeds.
 */
#include "base/error.h"
#include "slugstore/unpack/inflate_coder.h"
#include "slugstore/unpack/limits.h"

#include <lzma.h>

struct xz {
	lzma_stream lzma;
	bool eof;
};

static int xz_open(struct inflate *f, void **ret, struct error *e)
{
	struct xz *x = xcalloc(1, sizeof(*x));

	x->lzma = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_stream_decoder(&x->lzma, inflate_limits(f)->window_bytes,
				LZMA_CONCATENATED) != LZMA_OK) {
		free(x);
		return error_set(e, ENOMEM, "start liblzma");
	}
	*ret = x;
	return 0;
}

static void xz_free(void *state)
{
	struct xz *x = state;

	lzma_end(&x->lzma);
	free(x);
}

static int xz_fill(struct inflate *f, struct xz *x, struct error *e)
{
	const uint8_t *p;
	size_t n;
	int r = inflate_input(f, &p, &n, e);

	if (r < 0)
		return r;
	x->lzma.next_in = p;
	x->lzma.avail_in = n;
	x->eof = n == 0;
	return 0;
}

static int xz_step(struct inflate *f, struct xz *x, struct error *e)
{
	lzma_ret r = lzma_code(&x->lzma, x->eof ? LZMA_FINISH : LZMA_RUN);

	if (r == LZMA_OK)
		return 0;
	if (r == LZMA_STREAM_END)
		return INFLATE_END;
	if (r == LZMA_MEMLIMIT_ERROR)
		return inflate_is_hungry(f, lzma_memusage(&x->lzma), e);
	if (r == LZMA_BUF_ERROR)
		return inflate_is_cut(e);
	if (r == LZMA_FORMAT_ERROR)
		return inflate_has_more(e);
	if (r == LZMA_MEM_ERROR)
		return error_set(e, ENOMEM, "liblzma has no memory");
	return inflate_damaged(e, r == LZMA_OPTIONS_ERROR ?
			       "unknown xz options" : "incorrect xz data");
}

static int xz_read(struct inflate *f, void *state, void *to, size_t room,
		   size_t *ret_n, struct error *e)
{
	struct xz *x = state;
	int r = 0;

	x->lzma.next_out = to;
	x->lzma.avail_out = room;
	while (r == 0 && x->lzma.avail_out > 0) {
		if (x->lzma.avail_in == 0 && !x->eof)
			r = xz_fill(f, x, e);
		if (r == 0)
			r = xz_step(f, x, e);
	}
	*ret_n = room - x->lzma.avail_out;
	return r == INFLATE_END && *ret_n > 0 ? 0 : r;
}

const struct inflate_coder inflate_xz = {
	.magic = "\xfd" "7zXZ\0", .magic_n = 6,
	.open = xz_open, .read = xz_read, .free = xz_free,
};
