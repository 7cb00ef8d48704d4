#pragma once

/*
 * logs.h - lines of a log session, as they come in pieces.
 */
#include "base/base.h"

struct buf;

/*
 * Take n more bytes of the stream; append to out what is to be printed: whole
 * lines (rest keeps an incomplete one), without the blank ones that keep the
 * connection alive.
 */
void logs_feed(struct buf *rest, const char *data, size_t n, struct buf *out);

struct cli;
struct error;

struct logs_query {
	long lines;
	bool tail, json;		/* json: an object a line */
	const char *dyno, *source;	/* NULL = all */
};

/* The same of an event stream: the data of events without a name, a line each. */
struct logs_events {
	struct buf *rest;
	unsigned long long id;		/* of the last whole event; 0 = none yet */
};
void logs_feed_events(struct logs_events *ev, const char *data, size_t n,
		      struct buf *out);

/* Add a line of the log to out with colours: a time that stands back, and a colour for
 * each process. */
void logs_paint(const char *line, size_t n, struct buf *out);

/* Add a line of the log to out as a JSON object: at, source, dyno, text. */
void logs_object(const char *line, size_t n, struct buf *out);

/* Print what the query finds to fd; with tail until the app is gone: after a lost
 * connection it goes on where it was. */
int logs_print(struct cli *cli, const char *app, const struct logs_query *query,
	       int fd, struct error *e);
