#pragma once

/*
 * log_ring.h - the newest lines of one app in memory, and those that a
 * transaction is about to add.
 *
 * Lines that were stored but not shown yet are no reader's business: a host's
 * batch is shown piece by piece.
 */
#include "base/id.h"
#include "controller/logplex/log_chunk.h"

/* Lines of one dyno in the transaction. */
struct log_count {
	struct list link;
	char source[8], ps[80];
	uint64_t stored, dropped;
};

struct log_ring {
	struct list used;		/* of the store: the last used ring is last */
	struct list touched;		/* of the store: while a transaction adds */
	struct list veiled;		/* of the store: while something is not shown */
	char app[UUID_TEXT_MAX];
	uint64_t newest;		/* stored; 0 = no line ever */
	uint64_t shown;
	uint64_t trimmed;		/* up to here the file has nothing */
	struct list chunks;		/* oldest first, without gaps, up to newest */
	size_t bytes;

	struct list adding;		/* chunks */
	struct list counts;
	uint64_t next;			/* number of the next line added */
};

struct log_ring *log_ring_new(const char *app, uint64_t newest);
struct log_ring *log_ring_free(struct log_ring *r);

/* The first line in memory; newest + 1 = none. */
uint64_t log_ring_first(const struct log_ring *r);

void log_ring_add(struct log_ring *r, const struct log_line *line);
struct log_count *log_ring_count(struct log_ring *r, const char *source,
				 const char *ps);
/* The transaction is over. commit: what was added is the app's now. */
void log_ring_commit(struct log_ring *r, uint64_t now);
void log_ring_rollback(struct log_ring *r);

/* Show at most n more lines; returns false if there is nothing to show. */
bool log_ring_show(struct log_ring *r, uint64_t n);
/* Bytes of chunks with lines that are not shown. */
size_t log_ring_veiled_bytes(const struct log_ring *r);

/* Drop chunks whose lines are all shown and before the given one. */
void log_ring_drop(struct log_ring *r, uint64_t before);
/* Drop chunks that came before this time. */
void log_ring_expire(struct log_ring *r, uint64_t before);

/* Lines that are here, from w->after on. */
int log_ring_walk(const struct log_ring *r, struct log_walk *w);
