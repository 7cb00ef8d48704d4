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
	bool tail;
	const char *dyno, *source;	/* NULL = all */
};

/* Print what the query finds to fd; with tail until the stream ends. */
int logs_print(struct cli *cli, const char *app, const struct logs_query *query,
	       int fd, struct error *e);
