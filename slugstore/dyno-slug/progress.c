/*
 * progress.c - one line on standard error, rewritten ten times a second.
 */
#include "base/clock.h"
#include "slugstore/dyno-slug/progress.h"

#include <stdio.h>

#define PROGRESS_EVERY_USEC (100 * USEC_PER_MSEC)
#define PROGRESS_MIB (1024.0 * 1024.0)
#define PROGRESS_BAR 24

static double progress_rate(const struct progress *p, uint64_t done,
			    uint64_t now)
{
	double sec = (double)(now - p->first_usec) / (double)USEC_PER_SEC;

	return sec > 0 && done > p->first
		? (double)(done - p->first) / PROGRESS_MIB / sec : 0;
}

static void progress_bar(uint64_t done, uint64_t total)
{
	char bar[PROGRESS_BAR + 1];
	size_t n = done < total ? (size_t)((double)done / (double)total *
					   PROGRESS_BAR) : PROGRESS_BAR;

	memset(bar, '#', n);
	memset(bar + n, '.', PROGRESS_BAR - n);
	bar[PROGRESS_BAR] = '\0';
	fprintf(stderr, "[%s] ", bar);
}

static void progress_print(const struct progress *p, uint64_t done,
			   uint64_t total, uint64_t now)
{
	fprintf(stderr, "\r%s: ", p->what);
	if (total) {
		progress_bar(done, total);
		fprintf(stderr, "%.1f of %.1f MiB", (double)done / PROGRESS_MIB,
			(double)total / PROGRESS_MIB);
	} else {
		fprintf(stderr, "%.1f MiB", (double)done / PROGRESS_MIB);
	}
	fprintf(stderr, ", %.1f MiB/s\033[K", progress_rate(p, done, now));
}

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
	p->shown = p->next_usec != 0;
	if (p->shown) {
		progress_print(p, done, total, now);
	} else {
		p->first_usec = now;
		p->first = done;
	}
	p->next_usec = now + PROGRESS_EVERY_USEC;
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fprintf(stderr, "\r\033[K");
	p->shown = false;
}
