/*
 * inflate_gzip.c - gzip by zlib, which compares length and CRC of each member.
 */
#include "base/error.h"
#include "slugstore/unpack/inflate_coder.h"

#include <zlib.h>

#define GZIP_BITS (15 + 16)	/* the largest window; with gzip's frame */

struct gzip {
	z_stream z;
	bool between;		/* behind a member: another, zeros or the end */
	bool padding;		/* zeros have begun, only zeros may follow */
	uint8_t out[INFLATE_BLOCK];
};

static int gzip_open(struct inflate *f, void **ret, struct error *e)
{
	struct gzip *g = xcalloc(1, sizeof(*g));

	(void)f;
	if (inflateInit2(&g->z, GZIP_BITS) != Z_OK) {
		free(g);
		return error_set(e, ENOMEM, "start zlib");
	}
	*ret = g;
	return 0;
}

static void gzip_free(void *state)
{
	struct gzip *g = state;

	inflateEnd(&g->z);
	free(g);
}

/* Tapes are filled up with zeros, and gzip(1) takes them too. */
static int gzip_go_on(struct gzip *g, struct error *e)
{
	while (g->z.avail_in > 0 && *g->z.next_in == 0) {
		g->padding = true;
		g->z.next_in++;
		g->z.avail_in--;
	}
	if (g->z.avail_in == 0)
		return 0;
	if (g->padding || *g->z.next_in != 0x1f)
		return inflate_has_more(e);
	g->between = false;
	inflateReset(&g->z);
	return 0;
}

static int gzip_fill(struct inflate *f, struct gzip *g, struct error *e)
{
	const uint8_t *p;
	size_t n;
	int r = inflate_input(f, &p, &n, e);

	if (r < 0)
		return r;
	g->z.next_in = (uint8_t *)p;
	g->z.avail_in = (unsigned)n;
	if (n > 0)
		return 0;
	return g->between ? INFLATE_END : inflate_is_cut(e);
}

static int gzip_step(struct gzip *g, struct error *e)
{
	int r;

	if (g->between)
		return gzip_go_on(g, e);
	r = inflate(&g->z, Z_NO_FLUSH);
	g->between = r == Z_STREAM_END;
	if (r == Z_MEM_ERROR)
		return error_set(e, ENOMEM, "zlib has no memory");
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return inflate_damaged(e, g->z.msg ? g->z.msg : "gzip");
	return 0;
}

static int gzip_read(struct inflate *f, void *state, const void **ret,
		     size_t *ret_n, struct error *e)
{
	struct gzip *g = state;
	int r = 0;

	g->z.next_out = g->out;
	g->z.avail_out = sizeof(g->out);
	while (r == 0 && g->z.avail_out > 0) {
		if (g->z.avail_in == 0)
			r = gzip_fill(f, g, e);
		if (r == 0)
			r = gzip_step(g, e);
	}
	*ret = g->out;
	*ret_n = sizeof(g->out) - g->z.avail_out;
	return r == INFLATE_END && *ret_n > 0 ? 0 : r;
}

const struct inflate_coder inflate_gzip = {
	.magic = "\x1f\x8b", .magic_n = 2,
	.open = gzip_open, .read = gzip_read, .free = gzip_free,
};
