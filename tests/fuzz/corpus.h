#pragma once

/*
 * corpus.h - what a fuzz target without libFuzzer does in main().
 */
#include "base/base.h"

/* Feeds file() every file of the directories argv[1...], or of tests/fuzz/<name>
 * below top_srcdir without any; an argument may be a file. The exit status: 0, or
 * 1 if a file was bad or there was none. */
int corpus_run(int argc, char **argv, const char *name, int (*file)(const char *path));

/* A target whose input is bytes: each file is run as it is, then so many times
 * changed, always in the same way. */
struct corpus {
	const char *name;
	size_t input_max;		/* a larger file is bad */
	size_t room;			/* of a copy; 0: as large as its file */
	int mutations;
	int (*run)(const uint8_t *data, size_t n);
	/* Change the i-th copy of n > 0 bytes; returns how many of them to run. */
	size_t (*mutate)(uint8_t *data, size_t n, int i, uint32_t *x);
};

int corpus_run_bytes(int argc, char **argv, const struct corpus *c);

/* The next of a row of numbers that look like chance; *x is never 0. */
uint32_t corpus_random(uint32_t *x);

/* Overwrite up to so many bytes, one of odds by any byte, the others by a likely one. */
void corpus_overwrite(uint8_t *data, size_t n, const char *likely, size_t n_likely,
		      uint32_t odds, uint32_t most, uint32_t *x);

/* n, or in one of eight cases less. */
size_t corpus_shorten(size_t n, uint32_t *x);
