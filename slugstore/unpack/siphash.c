/*
 * siphash.c - two rounds for each word, four at the end, twice.
 */
#include "slugstore/unpack/siphash.h"

#include <sys/random.h>

struct siphash_state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t siphash_turn(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void siphash_rounds(struct siphash_state *s, int n)
{
	while (n-- > 0) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = siphash_turn(s->v1, 13) ^ s->v0;
		s->v3 = siphash_turn(s->v3, 16) ^ s->v2;
		s->v0 = siphash_turn(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = siphash_turn(s->v1, 17) ^ s->v2;
		s->v3 = siphash_turn(s->v3, 21) ^ s->v0;
		s->v2 = siphash_turn(s->v2, 32);
	}
}

static void siphash_word(struct siphash_state *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_rounds(s, 2);
	s->v0 ^= word;
}

static uint64_t siphash_load(const uint8_t *p, size_t n)
{
	uint64_t word = 0;

	while (n-- > 0)
		word = word << 8 | p[n];
	return word;
}

struct siphash siphash_new_key(void)
{
	struct siphash key;
	ssize_t r = getrandom(&key, sizeof(key), 0);

	assert(r == sizeof(key));	/* so little comes in one piece */
	return key;
}

struct siphash siphash(const struct siphash *key, const void *data, size_t n)
{
	struct siphash_state s = {
		key->v[0] ^ 0x736f6d6570736575, key->v[1] ^ 0x646f72616e646f83,
		key->v[0] ^ 0x6c7967656e657261, key->v[1] ^ 0x7465646279746573,
	};
	const uint8_t *p = data;
	struct siphash out;

	for (size_t left = n; left >= 8; left -= 8, p += 8)
		siphash_word(&s, siphash_load(p, 8));
	siphash_word(&s, siphash_load(p, n % 8) | (uint64_t)n << 56);
	s.v2 ^= 0xee;
	siphash_rounds(&s, 4);
	out.v[0] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	s.v1 ^= 0xdd;
	siphash_rounds(&s, 4);
	out.v[1] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	return out;
}
