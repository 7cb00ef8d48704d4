#pragma once

/*
 * log_chunk.h - lines of one app packed one behind another: what the store keeps in
 * memory and, as a blob, in its file.
 */
#include "base/buf.h"
#include "base/list.h"

#define LOG_CHUNK_LINES 256
#define LOG_CHUNK_BYTES (32 * 1024)

struct log_line {
	uint64_t number;		/* set by the store */
	uint64_t usec;
	const char *app;		/* UUID */
	const char *source;		/* "app", "heroku" */
	const char *ps;			/* "web.1", "api"; "" = none */
	const char *message;
	size_t message_len;
};

/* Returns < 0 to stop the walk; that value is returned then. */
typedef int (*log_store_fn)(const struct log_line *line, void *userdata);

struct log_chunk {
	struct list link;
	uint64_t first;			/* number of its first line */
	uint64_t n;
	uint64_t usec;			/* real time of the last line's arrival */
	struct buf data;
};

struct log_chunk *log_chunk_new(uint64_t first);
struct log_chunk *log_chunk_free(struct log_chunk *c);
void log_chunk_free_all(struct list *chunks);

bool log_chunk_is_full(const struct log_chunk *c);
/* source and ps have less than 256 bytes, the message less than 4 GiB. */
void log_chunk_add(struct log_chunk *c, const struct log_line *line);

/* What is to be read, and how far that has come. */
struct log_walk {
	const char *app;
	uint64_t after;			/* the last line given, or not wanted */
	uint64_t last;			/* none behind this one */
	size_t max;			/* lines still wanted */
	log_store_fn fn;
	void *userdata;
};

/* Give the lines of a chunk's data. < 0: what fn said, or EBADMSG, the data is
 * damaged. */
int log_chunk_walk(const char *data, size_t n, uint64_t first, struct log_walk *w);
