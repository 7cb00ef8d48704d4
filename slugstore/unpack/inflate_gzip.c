/*
 * inflate_gzip.c - gzip: deflate by isa-l, several times as fast as zlib. The
 * frame (RFC 1952) is read here, so that length and CRC of each member are
 * compared, and every byte of the file is accounted for.
 */
#include "base/error.h"
#include "slugstore/unpack/inflate_coder.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#define GZIP_HEAD 10		/* bytes that each member begins with */
#define GZIP_TAIL 8		/* CRC and length */
#define GZIP_METHOD_DEFLATE 8

enum { GZIP_HCRC = 2, GZIP_EXTRA = 4, GZIP_NAME = 8, GZIP_COMMENT = 16,
       GZIP_RESERVED = 0xe0 };

/* Where the next byte belongs. The order is that of a member. */
enum gzip_at {
	GZIP_AT_HEAD, GZIP_AT_EXTRA_SIZE, GZIP_AT_EXTRA, GZIP_AT_NAME,
	GZIP_AT_COMMENT, GZIP_AT_HCRC, GZIP_AT_DEFLATE, GZIP_AT_TAIL,
	GZIP_AT_BETWEEN,	/* another member, zeros or the end */
	GZIP_AT_PADDING,	/* zeros have begun, only zeros may follow */
};

struct gzip {
	struct inflate_state z;
	enum gzip_at at;
	uint8_t have[GZIP_HEAD];	/* what must be seen together */
	unsigned n;			/* bytes of it */
	unsigned flags, extra;
	uint32_t head_crc;
	bool hungry;		/* the decoder has nothing left to give */
};

static int gzip_open(struct inflate *f, void **ret, struct error *e)
{
	struct gzip *g = xcalloc(1, sizeof(*g));

	(void)f;
	(void)e;
	isal_inflate_init(&g->z);
	g->z.crc_flag = ISAL_GZIP_NO_HDR;
	*ret = g;
	return 0;
}

static void gzip_free(void *state)
{
	free(state);
}

static unsigned gzip_number(const uint8_t *p, unsigned n)
{
	unsigned v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* Go on with the first part behind "at" that this member has. */
static void gzip_go_on(struct gzip *g, enum gzip_at at)
{
	static const struct { enum gzip_at at; unsigned flag; } parts[] = {
		{ GZIP_AT_EXTRA_SIZE, GZIP_EXTRA },
		{ GZIP_AT_EXTRA, GZIP_EXTRA },
		{ GZIP_AT_NAME, GZIP_NAME },
		{ GZIP_AT_COMMENT, GZIP_COMMENT },
		{ GZIP_AT_HCRC, GZIP_HCRC },
	};

	g->n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i].at > at && g->flags & parts[i].flag) {
			g->at = parts[i].at;
			return;
		}
	g->at = GZIP_AT_DEFLATE;
}

static int gzip_begin(struct gzip *g, struct error *e)
{
	if (g->have[0] != 0x1f || g->have[1] != 0x8b)
		return inflate_damaged(e, "incorrect header check");
	if (g->have[2] != GZIP_METHOD_DEFLATE)
		return inflate_damaged(e, "unknown compression method");
	g->flags = g->have[3];
	if (g->flags & GZIP_RESERVED)
		return inflate_damaged(e, "unknown header flags set");
	gzip_go_on(g, GZIP_AT_HEAD);
	return 0;
}

static int gzip_check_tail(struct gzip *g, struct error *e)
{
	if (gzip_number(g->have, 4) != g->z.crc)
		return inflate_damaged(e, "incorrect data check");
	if (gzip_number(g->have + 4, 4) != g->z.total_out)
		return inflate_damaged(e, "incorrect length check");
	g->at = GZIP_AT_BETWEEN;
	return 0;
}

/* True once n bytes are together. */
static bool gzip_gather(struct gzip *g, uint8_t c, unsigned n)
{
	g->have[g->n++] = c;
	if (g->n < n)
		return false;
	g->n = 0;
	return true;
}

static int gzip_between(struct gzip *g, uint8_t c, struct error *e)
{
	if (c == 0) {		/* tapes are filled up, and gzip(1) takes it */
		g->at = GZIP_AT_PADDING;
		return 0;
	}
	if (g->at == GZIP_AT_PADDING || c != 0x1f)
		return inflate_has_more(e);
	isal_inflate_reset(&g->z);
	g->head_crc = crc32_gzip_refl(0, &c, 1);
	g->have[0] = c;
	g->n = 1;
	g->at = GZIP_AT_HEAD;
	return 0;
}

/* A byte of the frame. */
static int gzip_frame(struct gzip *g, uint8_t c, struct error *e)
{
	enum gzip_at at = g->at;

	switch (at) {
	case GZIP_AT_HEAD:
		return gzip_gather(g, c, GZIP_HEAD) ? gzip_begin(g, e) : 0;
	case GZIP_AT_EXTRA_SIZE:
		if (!gzip_gather(g, c, 2))
			return 0;
		g->extra = gzip_number(g->have, 2);
		gzip_go_on(g, g->extra ? at : GZIP_AT_EXTRA);
		return 0;
	case GZIP_AT_EXTRA:
		if (--g->extra == 0)
			gzip_go_on(g, at);
		return 0;
	case GZIP_AT_NAME:
	case GZIP_AT_COMMENT:
		if (c == 0)
			gzip_go_on(g, at);
		return 0;
	case GZIP_AT_HCRC:
		if (!gzip_gather(g, c, 2))
			return 0;
		if (gzip_number(g->have, 2) != (g->head_crc & 0xffff))
			return inflate_damaged(e, "header crc mismatch");
		gzip_go_on(g, at);
		return 0;
	case GZIP_AT_TAIL:
		return gzip_gather(g, c, GZIP_TAIL) ? gzip_check_tail(g, e) : 0;
	case GZIP_AT_BETWEEN:
	case GZIP_AT_PADDING:
		return gzip_between(g, c, e);
	case GZIP_AT_DEFLATE:
		break;
	}
	return 0;
}

/* The decoder reads ahead by whole words; what it has too much belongs to the
 * tail, which is as long as that can be. */
static int gzip_take_back(struct gzip *g, struct error *e)
{
	int bits = g->z.read_in_length;
	uint64_t word = g->z.read_in >> (bits & 7);
	int r = 0;

	g->at = GZIP_AT_TAIL;
	g->n = 0;
	assert(bits >= 0 && bits <= 8 * GZIP_TAIL);
	for (; r == 0 && bits >= 8; bits -= 8, word >>= 8)
		r = gzip_frame(g, (uint8_t)word, e);
	return r;
}

static int gzip_deflate(struct gzip *g, struct error *e)
{
	switch (isal_inflate(&g->z)) {
	case ISAL_DECOMP_OK:
	case ISAL_END_INPUT:
		break;
	case ISAL_INVALID_BLOCK:
		return inflate_damaged(e, "invalid block");
	case ISAL_INVALID_LOOKBACK:
		return inflate_damaged(e, "invalid distance too far back");
	default:
		return inflate_damaged(e, "invalid code");
	}
	g->hungry = g->z.avail_out > 0;
	if (g->z.block_state != ISAL_BLOCK_FINISH)
		return 0;
	return gzip_take_back(g, e);
}

static int gzip_step(struct gzip *g, struct error *e)
{
	uint8_t c;

	if (g->at == GZIP_AT_DEFLATE)
		return gzip_deflate(g, e);
	c = *g->z.next_in++;
	g->z.avail_in--;
	/* Of all before its own two bytes. */
	if (g->at < GZIP_AT_HCRC)
		g->head_crc = crc32_gzip_refl(g->head_crc, &c, 1);
	return gzip_frame(g, c, e);
}

static int gzip_fill(struct inflate *f, struct gzip *g, struct error *e)
{
	const uint8_t *p;
	size_t n;
	int r = inflate_input(f, &p, &n, e);

	if (r < 0)
		return r;
	g->z.next_in = (uint8_t *)p;
	g->z.avail_in = (uint32_t)n;
	if (n > 0)
		return 0;
	return g->at >= GZIP_AT_BETWEEN ? INFLATE_END : inflate_is_cut(e);
}

static int gzip_read(struct inflate *f, void *state, void *to, size_t room,
		     size_t *ret_n, struct error *e)
{
	struct gzip *g = state;
	int r = 0;

	g->z.next_out = to;
	g->z.avail_out = (uint32_t)room;
	while (r == 0 && g->z.avail_out > 0) {
		if (g->z.avail_in == 0 &&
		    (g->at != GZIP_AT_DEFLATE || g->hungry))
			r = gzip_fill(f, g, e);
		if (r == 0)
			r = gzip_step(g, e);
	}
	*ret_n = room - g->z.avail_out;
	return r == INFLATE_END && *ret_n > 0 ? 0 : r;
}

const struct inflate_coder inflate_gzip = {
	.magic = "\x1f\x8b", .magic_n = 2,
	.open = gzip_open, .read = gzip_read, .free = gzip_free,
};
