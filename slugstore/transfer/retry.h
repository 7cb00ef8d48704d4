#pragma once

/*
 * retry.h - how often, and after which pause, a transfer is tried again.
 *
 * A number of times in a row without progress, and a number of times at all;
 * pauses double from a quarter of a second to eight seconds, some of it by
 * chance. A server that names a pause gets it, if it is a minute at most.
 */
#include "base/base.h"

#define RETRY_TRIES_MAX 50		/* however much progress there is */
#define RETRY_PAUSE_USEC_MAX (8 * USEC_PER_SEC)
#define RETRY_AFTER_SEC_MAX 60

struct retry {
	uint64_t allowed;		/* in a row */
	uint64_t deadline_usec;		/* monotonic: nothing is tried after it */
	uint64_t failed, tries;
};

/* Call after each failure. False: enough. after_sec: what the server asked for,
 * 0 = nothing. */
bool retry_again(struct retry *r, bool progress, uint64_t after_sec,
		 uint64_t now_usec, uint64_t *ret_pause_usec);

/* retry_again(), and the pause. */
bool retry_wait(struct retry *r, bool progress, uint64_t after_sec);
