#pragma once

/*
 * capture.h - the output of one instance of a dyno, on its way to the log.
 *
 * splice(2) moves bytes from the pipe into a file, so that at any moment they
 * are in the one or in the other; lines are framed from the file into the
 * journal, each with the offset up to which it reaches. Two files in the
 * dyno's directory: "log" (holes where it has been framed) and "cursor".
 * Whoever opens a capture of the same instance again goes on exactly behind
 * the last line of the journal.
 *
 * What cannot be taken (journal full, no space) is counted, and told in the
 * app's log as L12.
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct capture;
struct error;
struct journal;

struct capture_spec {
	const char *dir;		/* of the dyno; exists */
	const char *instance;		/* UUID */
	const char *app_id;
	const char *ps;			/* "web.1" */
	int fd;				/* reading end: owned by the capture from
					 * here on, also on failure; -1 = it has
					 * been read to its end */
	void (*on_end)(void *userdata);	/* the pipe is at its end */
	void *userdata;
};

/* Frames what an earlier process left in the file, then reads on. on_end does
 * not come from inside; with fd -1 it does not come at all. */
int capture_new(struct capture **ret, sd_event *event, struct journal *j,
		const struct capture_spec *spec, struct error *e);

bool capture_at_end(const struct capture *c);

/* No more output is wanted: frame what is left, the last line without its
 * newline too, and tell what was dropped. */
void capture_finish(struct capture *c);

/* Add the last max bytes of what has been framed, or fewer; they may begin in the
 * middle of a line. Those that the file has no longer are left out. */
struct buf;
void capture_tail(const struct capture *c, size_t max, struct buf *ret);

struct capture *capture_free(struct capture *c);
DEFINE_AUTO(struct capture, capture_free)

/*
 * Pure: find the next line in n bytes. Returns how many bytes it takes, its
 * newline included, 0 = not complete yet; *ret_line is its length without.
 * end: no more bytes will come.
 */
size_t capture_line(const char *data, size_t n, bool end, size_t *ret_line);
