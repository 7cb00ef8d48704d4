#pragma once

/*
 * tally.h - what has happened on this host since the supervisor started, counted.
 */
#include "base/base.h"

#define TALLY_CODES_MAX 100

struct tally {
	uint64_t starts;		/* processes of dynos */
	uint64_t restarts;		/* of them: again, after a crash or in a cycle */
	uint64_t crashes;
	uint64_t codes[TALLY_CODES_MAX];	/* R10 ... R99, said in a log */
};

/* A line of the platform: counts it if it says an R code. */
void tally_line(struct tally *t, const char *line);

/* The codes that the platform knows, ending with 0. */
extern const unsigned tally_codes[];
