#include "cli/show/progress.h"

#include <stdio.h>

#define PROGRESS_WIDTH 30

void progress_deinit(struct progress *p)
{
	if (p->open)
		fputc('\n', stderr);
	p->open = false;
}

void progress_begin(struct progress *p, const char *fmt, ...)
{
	va_list ap;

	progress_deinit(p);
	if (!isatty(STDERR_FILENO))
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("... ", stderr);
	fflush(stderr);
	p->open = true;
}

void progress_bar(struct progress *p, const char *what, uint64_t done,
		  uint64_t total)
{
	unsigned percent = total ? (unsigned)(done * 100 / total) : 100;
	char bar[PROGRESS_WIDTH + 1];

	if (percent == p->percent || !isatty(STDERR_FILENO))
		return;
	for (unsigned i = 0; i < PROGRESS_WIDTH; i++)
		bar[i] = i < percent * PROGRESS_WIDTH / 100 ? '#' : '.';
	bar[PROGRESS_WIDTH] = '\0';
	fprintf(stderr, "\r%s... [%s] %3u %% of %.1f MiB ", what, bar, percent,
		(double)total / (1 << 20));
	fflush(stderr);
	p->percent = percent;
	p->open = true;
}

void progress_end(struct progress *p, const char *fmt, ...)
{
	va_list ap;

	if (!p->open)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	*p = PROGRESS_INIT;
}
