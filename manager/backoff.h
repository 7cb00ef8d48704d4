#pragma once

/*
 * backoff.h - how long a crashed dyno waits for its next try. Pure.
 *
 * The first crash costs nothing; those after it 20, 40, 60, 180 and then 320
 * minutes. A dyno that has been up for a while starts over.
 */
#include <stdint.h>

#define BACKOFF_STABLE_MIN 10		/* up so long: the next crash is the first */

/* crashes counts from 1. unit_sec: seconds of a "minute" (60, less in tests);
 * 0 = always one second. Returns microseconds. */
uint64_t backoff_delay(unsigned crashes, uint64_t unit_sec);

/* Failures of the platform itself (upstream away, slug not to be had): 0.2 s,
 * doubling up to max_usec. failures counts from 1. */
uint64_t backoff_retry(unsigned failures, uint64_t max_usec);
