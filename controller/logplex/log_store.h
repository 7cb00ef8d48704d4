#pragma once

/*
 * log_store.h - the last lines of every app: in a SQLite file of their own, and those
 * of active apps in memory too.
 *
 * Lines of an app are numbered 1, 2, ... in the order of their arrival; the
 * newest LOG_STORE_LINES are kept, and none for longer than LOG_STORE_DAYS. A
 * host's frames are stored exactly once: the highest sequence number of (host,
 * epoch) is in the same transaction as the lines. synchronous=NORMAL: kill -9
 * loses nothing, a power cut may take the last moments.
 *
 * What a transaction has stored is not seen by readers until log_store_show()
 * has shown it, some lines per app at a time: a batch of thousands of lines must not
 * overrun readers that would have kept up.
 */
#include "base/base.h"
#include "controller/logplex/log_chunk.h"

struct error;
struct strv;
struct log_store;

#define LOG_STORE_LINES 1500
#define LOG_STORE_DAYS 7
#define LOG_STORE_MESSAGE_MAX 10000
#define LOG_STORE_EPOCHS 16		/* kept per host */
#define LOG_STORE_MEMORY (32 * 1024 * 1024)	/* bytes of lines, all apps; what
					 * is not shown yet comes on top */
#define LOG_STORE_RINGS 4096		/* apps in memory */

int log_store_open(struct log_store **ret, const char *path, struct error *e);
struct log_store *log_store_free(struct log_store *s);
DEFINE_AUTO(struct log_store, log_store_free)

/* begin, add..., commit: one transaction. rollback() is allowed at any time,
 * and needed after any failure in it. */
int log_store_begin(struct log_store *s, struct error *e);
/* ps: less than 80 bytes. */
int log_store_add(struct log_store *s, const struct log_line *line,
		  struct error *e);
/* n lines of the dyno were lost where they came from. */
int log_store_lost(struct log_store *s, const char *app, const char *source,
		   const char *ps, uint64_t n, struct error *e);
int log_store_commit(struct log_store *s, struct error *e);
void log_store_rollback(struct log_store *s);

/* The highest sequence number stored for the host's epoch; 0 = none. */
int log_store_acked(struct log_store *s, const char *host, const char *epoch,
		    uint64_t *ret, struct error *e);
/* Inside a transaction. */
int log_store_ack(struct log_store *s, const char *host, const char *epoch,
		  uint64_t seq, struct error *e);

/* Show at most n more lines of each app; fn is told each app that has some. It may
 * read and add, but neither show nor forget. */
void log_store_show(struct log_store *s, uint64_t n,
		    void (*fn)(const char *app, void *userdata), void *userdata);
/* Bytes of lines that are not shown yet. */
size_t log_store_veiled(const struct log_store *s);

/* The number of the newest line of an app that is shown; 0 = none. */
int log_store_newest(struct log_store *s, const char *app, uint64_t *ret,
		     struct error *e);

/* Kept lines with number > after, oldest first, at most max. Lines between that
 * are not kept any more are left out: see the numbers. */
int log_store_read(struct log_store *s, const char *app, uint64_t after,
		   size_t max, log_store_fn fn, void *userdata,
		   struct error *e);

/* What has come of an app since it was made, by dyno. Dynos of which nothing has
 * come for LOG_STORE_DAYS are one, "". */
struct log_store_count {
	const char *source, *ps;
	uint64_t stored;		/* lines that got a number */
	uint64_t dropped;		/* lost before that, as their senders tell */
};
int log_store_counts(struct log_store *s, const char *app,
		     int (*fn)(const struct log_store_count *c, void *userdata),
		     void *userdata, struct error *e);

/* Remove what is older than LOG_STORE_DAYS. */
int log_store_expire(struct log_store *s, uint64_t now, struct error *e);

int log_store_forget(struct log_store *s, const char *app, struct error *e);

/* The apps of which there is something. */
int log_store_apps(struct log_store *s, struct strv *ret, struct error *e);
