#pragma once

/*
 * marks.h - the arithmetic of water marks. Pure: no file.
 */
#include "slugstore/space/collect.h"
#include "slugstore/space/usage.h"

/* What is taken now, or would be after a victim has gone. */
struct marks_level {
	struct usage used;		/* by the store; only if marks_measure() */
	struct usage_fs fs;
	uint64_t bytes, inodes;		/* wanted in addition */
};

/* For which reasons a collection has begun. */
struct marks_goal {
	bool bytes, inodes, percent;
	bool room;			/* for what is wanted in addition */
};

/* Do these marks need to know what the store takes? */
bool marks_measure(const struct collect_marks *m);

/* Has the file system room for what is wanted? Marks do not matter. */
bool marks_fit(const struct marks_level *at);

bool marks_any(const struct marks_goal *goal);

/* Which reasons are there to begin? */
struct marks_goal marks_begin(const struct collect_marks *m,
			      const struct marks_level *at);

/* Are these reasons gone? */
bool marks_reached(const struct collect_marks *m, const struct marks_level *at,
		   const struct marks_goal *goal);

/* Something goes. */
void marks_free(struct marks_level *at, uint64_t bytes, uint64_t inodes);
