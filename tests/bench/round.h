#pragma once

/*
 * round.h - rounds of a benchmark on demand, so that a driver can interleave
 * several programs in one run.
 *
 * The driver writes a line, and waits for the answer:
 *
 *	one		one round; answer: "START EXIT GONE" in microseconds
 *	loop MSEC	rounds for so long; answer: "ROUNDS MICROSECONDS"
 *
 * End of file ends the program. Other words are the program's own. "failed" is
 * the answer if a round went wrong; why is on standard error.
 */
#include "base/base.h"

/* Microseconds from the first call to ... */
struct round {
	uint64_t start;		/* the program was executed */
	uint64_t exit;		/* its end was seen */
	uint64_t gone;		/* nothing of it is left that we have to remove */
};

struct round_fns {
	bool (*once)(void *userdata, struct round *ret);
	/* NULL, or a word of its own with its argument: prints the answer. */
	bool (*word)(void *userdata, const char *word, long arg);
};

/* Serves until end of file. Returns an exit status. */
int round_serve(const struct round_fns *fns, void *userdata);

uint64_t round_now(void);		/* microseconds */
