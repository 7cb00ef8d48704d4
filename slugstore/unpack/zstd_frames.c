/*
 * zstd_frames.c - follow a zstd stream without decoding it.
 */
#include "slugstore/unpack/zstd_frames.h"

#define ZSTD_MAGIC 0xfd2fb528U
#define ZSTD_SKIPPABLE 0x184d2a50U
#define ZSTD_BLOCK_RLE 1
#define ZSTD_BLOCK_RESERVED 3

enum { AT_MAGIC, AT_SKIPPABLE, AT_DESCRIPTOR, AT_HEADER, AT_BLOCK, AT_LOST };

static uint64_t zstd_number(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* Wait for n bytes more, behind those which are there if keep. */
static void zstd_expect(struct zstd_frames *z, int at, size_t n, bool keep)
{
	z->at = at;
	z->have = keep ? z->have : 0;
	z->want = z->have + n;
}

static void zstd_magic(struct zstd_frames *z)
{
	uint32_t magic = (uint32_t)zstd_number(z->head, 4);

	if (magic == ZSTD_MAGIC)
		zstd_expect(z, AT_DESCRIPTOR, 1, false);
	else if ((magic & ~0xfU) == ZSTD_SKIPPABLE)
		zstd_expect(z, AT_SKIPPABLE, 4, false);
	else
		z->at = AT_LOST;
}

/* head[0] says how long the rest of the header is. */
static void zstd_descriptor(struct zstd_frames *z)
{
	static const uint8_t dictionary[] = { 0, 1, 2, 4 };
	static const uint8_t content[] = { 0, 2, 4, 8 };
	uint8_t d = z->head[0];
	bool single = d & 0x20;
	size_t n = content[d >> 6];

	z->has_checksum = d & 4;
	if (single && n == 0)
		n = 1;
	zstd_expect(z, AT_HEADER, n + dictionary[d & 3] + !single, true);
}

static uint64_t zstd_window(struct zstd_frames *z)
{
	static const uint8_t dictionary[] = { 0, 1, 2, 4 };
	uint8_t d = z->head[0], w = z->head[1];
	size_t at = 1 + dictionary[d & 3];
	uint64_t base;

	zstd_expect(z, AT_BLOCK, 3, false);
	if (d & 0x20)			/* the content is the window */
		return zstd_number(z->head + at, d >> 6 ? 1 << (d >> 6) : 1);
	base = 1ULL << (10 + (w >> 3));
	return base + base / 8 * (w & 7);
}

static void zstd_block(struct zstd_frames *z)
{
	uint32_t head = (uint32_t)zstd_number(z->head, 3);
	unsigned type = head >> 1 & 3;
	bool last = head & 1;

	z->skip = type == ZSTD_BLOCK_RLE ? 1 : head >> 3;
	if (last && z->has_checksum)
		z->skip += 4;
	zstd_expect(z, last ? AT_MAGIC : AT_BLOCK, last ? 4 : 3, false);
	if (type == ZSTD_BLOCK_RESERVED)
		z->at = AT_LOST;
}

static uint64_t zstd_step(struct zstd_frames *z)
{
	switch (z->at) {
	case AT_MAGIC:
		zstd_magic(z);
		break;
	case AT_SKIPPABLE:
		z->skip = zstd_number(z->head, 4);
		zstd_expect(z, AT_MAGIC, 4, false);
		break;
	case AT_DESCRIPTOR:
		zstd_descriptor(z);
		break;
	case AT_HEADER:
		return zstd_window(z);
	case AT_BLOCK:
		zstd_block(z);
		break;
	}
	return 0;
}

uint64_t zstd_frames_add(struct zstd_frames *z, const uint8_t *p, size_t n)
{
	uint64_t most = 0, window;

	while (n > 0 && z->at != AT_LOST) {
		size_t k = z->skip > 0 ? z->skip : z->want - z->have;

		k = k < n ? k : n;
		if (z->skip > 0) {
			z->skip -= k;
		} else {
			memcpy(z->head + z->have, p, k);
			z->have += k;
		}
		p += k;
		n -= k;
		if (z->skip > 0 || z->have < z->want)
			continue;
		window = zstd_step(z);
		most = window > most ? window : most;
	}
	return most;
}
