#pragma once

/*
 * siphash.h - SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012): a short
 * hash that nobody can aim at without the key.
 */
#include "base/base.h"

struct siphash {
	uint64_t v[2];
};

/* A key from the kernel's random numbers. */
struct siphash siphash_new_key(void);

struct siphash siphash(const struct siphash *key, const void *data, size_t n);
