#pragma once

/*
 * cycle.h - whose daily restart is due. Pure: no clock.
 *
 * Every process ends within 24 h and 216 min: each dyno draws a moment in the
 * last 216 minutes, so that they do not all go at once (Heroku, "Automatic dyno
 * restarts"). Of a process type at most one goes at a time, or a tenth of them;
 * while upstream is away none with a route, which would lag behind. But the end
 * of the time is the end: who has reached it goes, whatever else is going on.
 */
#include "base/base.h"

struct cycle_dyno {
	const char *app_id, *type;
	bool ready;		/* may be cycled: it is up, not yet being cycled */
	bool busy;		/* is going, or has just come, in a cycle */
	bool alone;		/* a one-off: has nothing to do with the others */
	bool routed;		/* upstream must learn of its successor */
	uint64_t due, deadline;	/* usec, any clock */
};

/*
 * Stores the indices of those who go now, and returns how many; picked[] has
 * room for n. calm: upstream is there. *ret_next: when to ask again at the
 * latest, UINT64_MAX = when something has changed.
 */
size_t cycle_pick(const struct cycle_dyno *v, size_t n, uint64_t now, bool calm,
		  size_t *picked, uint64_t *ret_next);
