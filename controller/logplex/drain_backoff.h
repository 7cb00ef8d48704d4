#pragma once

/*
 * drain_backoff.h - how long a drain waits after a failure, and when it keeps less
 * for a sink that is gone. Pure; the numbers are Heroku's.
 */
#include "base/base.h"

#define DRAIN_BUFFER_SHRUNK 10			/* lines */

/* HTTP: failures in a row, from 1; chance: any random number. Microseconds. */
uint64_t drain_backoff_http(unsigned failures, uint32_t chance);

/* Syslog. A lost connection is made anew at once, but not sooner than 30 seconds
 * after it was made; after that many connections in a row that failed: 2, 4, 8 ...
 * 300 seconds. since_good: microseconds since the last one was made, UINT64_MAX =
 * there was none. */
uint64_t drain_backoff_syslog(unsigned failures, uint64_t since_good);

/* How many lines may wait. failing: microseconds since the first failure in a row
 * (0 = none); full: the buffer is. */
uint64_t drain_backoff_buffer_http(uint64_t buffer, uint64_t failing);
uint64_t drain_backoff_buffer_syslog(uint64_t buffer, unsigned failures, bool full);
