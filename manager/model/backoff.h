#pragma once

/*
 * backoff.h - how long a crashed dyno waits for its next try. Pure.
 *
 * Heroku's table: the first crash costs nothing; those after it 20, 40, 60, 180 and
 * then 320 minutes. A dyno that has been up for a while starts over.
 */
#include <stddef.h>
#include <stdint.h>

struct error;

#define BACKOFF_PAUSES_MAX 16
#define BACKOFF_MINUTES_MAX 10080	/* a week */

struct backoff {
	uint64_t pauses[BACKOFF_PAUSES_MAX];	/* usec */
	size_t n;
};

/* From numbers of minutes, "0 20 40". unit_sec: seconds of a minute (60, less in
 * tests); 0 = one second for each that is not 0. EINVAL: no number, or too many. */
int backoff_parse(struct backoff *ret, const char *text, uint64_t unit_sec,
		  struct error *e);

/* crashes counts from 1; beyond the table the last one. Returns microseconds. */
uint64_t backoff_delay(const struct backoff *b, unsigned crashes);

/* Failures of the platform itself (upstream away, slug not to be had): 0.2 s,
 * doubling up to max_usec. failures counts from 1. */
uint64_t backoff_retry(unsigned failures, uint64_t max_usec);

/* The same for what many do at the same time, hosts that call upstream or jobs of one
 * host: between half of it and all of it. chance: a random number below BACKOFF_CHANCES. */
#define BACKOFF_CHANCES 1024
uint64_t backoff_jitter(unsigned failures, uint64_t max_usec, uint32_t chance);
