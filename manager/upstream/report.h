#pragma once

/*
 * report.h - what a report to upstream says, and what follows when it has come.
 *
 * A life that has changed is dirty until a report with it is on its way, and again
 * if that one fails.
 */
#include "http/json.h"

struct supervisor;

/* Reports in a row begin at least so far apart: of a burst of changes the first one
 * is told at once, and all that follow within this time together. */
#define REPORT_GAP_USEC (50 * USEC_PER_MSEC)

/* Something has changed. */
bool report_is_due(const struct supervisor *s);

/* The changed ones, or all: a new array. They count as on their way. One that has ended
 * is up until its client has its last words, or is given up (attach.h). */
json_t *report_collect(struct supervisor *s, bool full);

/* It has come, or has not. What it said is known now: a route may be closed, an
 * ended dyno be forgotten. */
void report_settle(struct supervisor *s, bool ok);

/* There is no upstream: all is known as soon as it happens. */
void report_alone(struct supervisor *s);

/* How long to wait before the next one, if the last began at "last" (0: never).
 * Monotonic microseconds. */
static inline uint64_t report_pause(uint64_t last, uint64_t now)
{
	return last == 0 || now >= last + REPORT_GAP_USEC ? 0
							  : last + REPORT_GAP_USEC - now;
}
