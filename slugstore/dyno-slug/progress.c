/*
 * progress.c - one line on standard error, rewritten ten times a second.
 */
#include "base/clock.h"
#include "slugstore/dyno-slug/progress.h"

#include <stdio.h>

#define PROGRESS_EVERY_USEC (100 * USEC_PER_MSEC)
#define PROGRESS_MIB (1024.0 * 1024.0)

void progress_step(uint64_t done, uint64_t total, void *userdata)
{
	struct progress *p = userdata;
	uint64_t now;

	if (!isatty(STDERR_FILENO))
		return;
	now = clock_mono_usec();
	if (now < p->next_usec)
		return;
	/* What is done within the first moment needs no line. */
	if (p->next_usec && total)
		fprintf(stderr, "\r%s: %.1f of %.1f MiB (%d %%) ", p->what,
			(double)done / PROGRESS_MIB,
			(double)total / PROGRESS_MIB,
			(int)(100.0 * (double)done / (double)total));
	else if (p->next_usec)
		fprintf(stderr, "\r%s: %.1f MiB ", p->what,
			(double)done / PROGRESS_MIB);
	p->shown = p->next_usec != 0;
	p->next_usec = now + PROGRESS_EVERY_USEC;
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fprintf(stderr, "\r\033[K");
	p->shown = false;
}
