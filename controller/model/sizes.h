#pragma once

/*
 * sizes.h - what a dyno of each size gets, as data.
 */
#include "base/base.h"

struct size {
	const char *name;		/* canonical: "Standard-1X" */
	uint64_t memory;		/* bytes: quota */
	uint64_t memory_max;		/* bytes of memory and swap: hard limit */
	unsigned pids;
	unsigned cpu_shares;
	unsigned cpus;			/* what nproc shows */
	unsigned max_per_type;		/* 0: no limit */
	unsigned max_one_off;		/* at the same time */
	bool one_per_type;		/* Eco, Basic (with "one-per-type") */
	bool sleeps;			/* web dynos that nobody asks (sleep.h) */
};

/* By name in any case; "1X" and "2X" are known too. NULL: no such size. */
const struct size *sizes_find(const char *name);

/* "Basic, Eco, ...": for error sentences. The caller frees. */
char *sizes_names(void);

/* Walk: i from 0 until NULL. */
const struct size *sizes_at(size_t i);
