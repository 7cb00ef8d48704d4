#pragma once

/*
 * log_file.h - the lines of all apps on disk, as SQL: what log_store.h keeps.
 *
 * Each function is one statement, in the transaction that is open, or one of its
 * own; < 0 says in e what SQLite says. What a crash interrupts was not there.
 */
#include "controller/logplex/log_chunk.h"

struct error;
struct log_file;
struct log_store_count;
struct strv;

int log_file_open(struct log_file **ret, const char *path, struct error *e);
struct log_file *log_file_free(struct log_file *f);
DEFINE_AUTO(struct log_file, log_file_free)

int log_file_begin(struct log_file *f, struct error *e);
int log_file_commit(struct log_file *f, struct error *e);
/* Does nothing if no transaction is open. */
void log_file_rollback(struct log_file *f);

/* The number of the newest line that an app ever had; 0 = none. */
int log_file_newest(struct log_file *f, const char *app, uint64_t *ret, struct error *e);
int log_file_set_newest(struct log_file *f, const char *app, uint64_t newest,
			struct error *e);
/* Chunks that end with this line or before go. */
int log_file_trim(struct log_file *f, const char *app, uint64_t last, struct error *e);

/* now: microseconds since 1970, for log_file_expire(). A count is added to what is
 * there of its source and process. */
int log_file_add_chunk(struct log_file *f, const char *app, const struct log_chunk *c,
		       uint64_t now, struct error *e);
int log_file_add_count(struct log_file *f, const char *app,
		       const struct log_store_count *c, uint64_t now, struct error *e);

/* Lines after w->after, up to w->last. EBADMSG: damaged; else what w->fn returned. */
int log_file_walk(struct log_file *f, struct log_walk *w, struct error *e);
/* As log_store_counts(). */
int log_file_counts(struct log_file *f, const char *app,
		    int (*fn)(const struct log_store_count *c, void *userdata),
		    void *userdata, struct error *e);

/* As log_store_acked() and log_store_ack(). */
int log_file_acked(struct log_file *f, const char *host, const char *epoch,
		   uint64_t *ret, struct error *e);
int log_file_ack(struct log_file *f, const char *host, const char *epoch, uint64_t seq,
		 struct error *e);

/* Chunks from before then go; the counts of processes become those of their app. */
int log_file_expire(struct log_file *f, uint64_t before, struct error *e);
/* All of an app. */
int log_file_forget(struct log_file *f, const char *app, struct error *e);
/* Adds the apps of which there is anything. */
int log_file_apps(struct log_file *f, struct strv *ret, struct error *e);
