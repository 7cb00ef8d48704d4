#pragma once

/*
 * outputs.h - what release commands have written, kept with their releases, in a
 * SQLite file of their own.
 *
 * An output is a text that only grows; a place in it is a number of bytes. It takes
 * OUTPUTS_BYTES_MAX, then a line that says so; all of it is in the log anyway. With
 * the text goes the number of the log line that was taken last, so that each line
 * is taken once whatever is killed meanwhile.
 */
#include "base/base.h"

struct error;
struct outputs;

#define OUTPUTS_BYTES_MAX (1024 * 1024)

int outputs_open(struct outputs **ret, const char *path, struct error *e);
struct outputs *outputs_free(struct outputs *o);
DEFINE_AUTO(struct outputs, outputs_free)

struct outputs_state {
	uint64_t size;			/* bytes */
	uint64_t number;		/* of the last log line, 0: none */
	bool full;			/* more was written than is kept */
	bool ended;			/* nothing more will come */
};

/* Zeros if there is none. release: its id. */
int outputs_state(struct outputs *o, const char *release,
		  struct outputs_state *ret, struct error *e);

/* begin, add..., commit: one transaction. rollback() is allowed at any time. */
int outputs_begin(struct outputs *o, struct error *e);
/* Add a line, without its newline, and set the state to what it is then. */
int outputs_add(struct outputs *o, const char *release, uint64_t number,
		const char *line, size_t n, struct outputs_state *state,
		struct error *e);
/* Store the state: number and ended. */
int outputs_note(struct outputs *o, const char *release,
		 const struct outputs_state *state, struct error *e);
int outputs_commit(struct outputs *o, struct error *e);
void outputs_rollback(struct outputs *o);

/* A piece of text: its first byte is at this place. It ends a line if its last byte
 * is a newline. Returns < 0 to stop the walk; that value is returned then. */
typedef int (*outputs_fn)(uint64_t at, const char *text, size_t n, void *userdata);

/* The text from this place on, at most max lines. */
int outputs_read(struct outputs *o, const char *release, uint64_t at, size_t max,
		 outputs_fn fn, void *userdata, struct error *e);

int outputs_forget(struct outputs *o, const char *release, struct error *e);
/* Those of releases of which keep says no. */
int outputs_collect(struct outputs *o,
		    bool (*keep)(const char *release, void *userdata),
		    void *userdata, struct error *e);
