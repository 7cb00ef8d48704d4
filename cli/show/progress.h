#pragma once

/*
 * progress.h - "Doing something... done", for a person at a terminal.
 *
 * Everything goes to standard error, and only if that is a terminal: in a pipe
 * or a log there is silence.
 */
#include "base/base.h"

struct progress {
	bool open;		/* a line has been begun */
	unsigned percent;	/* last drawn */
};

#define PROGRESS_INIT ((struct progress){ false, 101 })

/* An unfinished line is ended, for the error that comes next. */
#define auto_progress auto_(progress_deinit) struct progress

void progress_deinit(struct progress *p);
void progress_begin(struct progress *p, const char *fmt, ...) PRINTF(2, 3);
/* Draws the line again with a bar behind it. */
void progress_bar(struct progress *p, const char *what, uint64_t done,
		  uint64_t total);
/* How it went: "done", "done, v7", "up, run.12". */
void progress_end(struct progress *p, const char *fmt, ...) PRINTF(2, 3);
