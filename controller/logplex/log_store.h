#pragma once

/*
 * log_store.h - the last lines of every app, in a SQLite file of their own.
 *
 * Lines of an app are numbered 1, 2, ... in the order of their arrival; the
 * newest LOG_STORE_LINES are kept. A host's frames are stored exactly once:
 * the highest sequence number of (host, epoch) is in the same transaction as
 * the lines. synchronous=NORMAL: kill -9 loses nothing, a power cut may take
 * the last moments.
 */
#include "base/base.h"

struct error;
struct log_store;

#define LOG_STORE_LINES 1500
#define LOG_STORE_MESSAGE_MAX 10000
#define LOG_STORE_EPOCHS 16		/* kept per host */

struct log_line {
	uint64_t number;		/* set by the store */
	uint64_t usec;
	const char *app;		/* UUID */
	const char *source;		/* "app", "heroku" */
	const char *ps;			/* "web.1", "api" */
	const char *message;
	size_t message_len;
};

/* Returns < 0 to stop the walk; that value is returned then. */
typedef int (*log_store_fn)(const struct log_line *line, void *userdata);

int log_store_open(struct log_store **ret, const char *path, struct error *e);
struct log_store *log_store_free(struct log_store *s);
DEFINE_AUTO(struct log_store, log_store_free)

/* begin, add..., commit: one transaction. rollback() is allowed at any time. */
int log_store_begin(struct log_store *s, struct error *e);
int log_store_add(struct log_store *s, const struct log_line *line,
		  struct error *e);
int log_store_commit(struct log_store *s, struct error *e);
void log_store_rollback(struct log_store *s);

/* The highest sequence number stored for the host's epoch; 0 = none. */
int log_store_acked(struct log_store *s, const char *host, const char *epoch,
		    uint64_t *ret, struct error *e);
/* Inside a transaction. */
int log_store_ack(struct log_store *s, const char *host, const char *epoch,
		  uint64_t seq, struct error *e);

/* The number of the newest line of an app; 0 = none. */
int log_store_newest(struct log_store *s, const char *app, uint64_t *ret,
		     struct error *e);

/* Kept lines with number > after, oldest first, at most max. */
int log_store_read(struct log_store *s, const char *app, uint64_t after,
		   size_t max, log_store_fn fn, void *userdata,
		   struct error *e);

int log_store_forget(struct log_store *s, const char *app, struct error *e);
