#pragma once

/*
 * progress.h - tell a person at a terminal how far long work is. In a pipe
 * nothing is written.
 */
#include "base/base.h"

struct progress {
	const char *what;	/* "download" */
	uint64_t next_usec;	/* monotonic: not before */
	uint64_t first_usec, first;	/* when it began, with how many bytes */
	bool shown;
};

#define PROGRESS_INIT(w) ((struct progress){ .what = (w) })

/* total 0: not known. userdata is the struct progress. */
void progress_step(uint64_t done, uint64_t total, void *userdata);

/* Remove the line. */
void progress_end(struct progress *p);
