#pragma once

/*
 * journal.h - log lines of this host that upstream has not acknowledged yet.
 *
 * A directory: "epoch" (a UUID), and segments named by the sequence number of
 * their first line, which are only appended to and removed as a whole. Each
 * record is a head and the line as a frame of PROTOCOL.upstream, ready to be
 * sent. The head remembers up to where in a dyno's output the line reached, so
 * that after a kill framing goes on exactly behind the last record. A record
 * that was cut off by a kill is removed when the journal is opened.
 */
#include "base/base.h"
#include "base/id.h"

struct buf;
struct error;
struct journal;

#define JOURNAL_FULL 1

enum journal_source {
	JOURNAL_APP,
	JOURNAL_HEROKU,
	JOURNAL_DEATH,			/* no line: the record of an end, */
	JOURNAL_LOSS,			/* or how many lines of a dyno are lost */
	JOURNAL_SOURCE_COUNT
};

struct journal_line {
	const char *app_id;		/* UUID */
	enum journal_source source;
	bool tells_loss;		/* has room where others have none any more */
	const char *ps;			/* "web.1" */
	uint64_t usec;			/* since 1970 */
	const char *message;
	size_t n;			/* at most LOG_LINE_MAX; no newline in it */
	const char *instance;		/* output: UUID of the dyno's instance, */
	uint64_t reach;			/* and the offset behind this line */
};

#define JOURNAL_DAMAGED 1

/* dir exists. max: bytes kept. JOURNAL_DAMAGED: it is open, but what was there
 * could not be read in full; lines are lost. */
int journal_open(struct journal **ret, const char *dir, uint64_t max,
		 struct error *e);
struct journal *journal_free(struct journal *j);
DEFINE_AUTO(struct journal, journal_free)

/* Called after each flush that wrote something. */
void journal_on_lines(struct journal *j, void (*fn)(void *userdata),
		      void *userdata);

/* Prepare a line; journal_flush() makes it durable. 0 or JOURNAL_FULL: the
 * line was not taken. Platform lines, and those that tell a loss, have some room
 * of their own. */
int journal_add(struct journal *j, const struct journal_line *line);

/* Write what was added, in one piece. On failure all of it is forgotten. */
int journal_flush(struct journal *j, struct error *e);

/* true if more than three quarters are used: not yet time to tell of drops. */
bool journal_is_tight(const struct journal *j);

/* Where the output of an instance was when the journal was opened; 0 = no
 * line of it is here. */
uint64_t journal_reach(const struct journal *j, const char *instance);

const char *journal_epoch(const struct journal *j);
uint64_t journal_bytes(const struct journal *j);	/* not acknowledged */

/* Frames that were not acknowledged, oldest first, at least one and as many
 * as fit into max bytes. *ret_last is the sequence of the last one, 0 = there
 * are none. */
int journal_batch(struct journal *j, size_t max, struct buf *ret,
		  uint64_t *ret_last, struct error *e);

#define JOURNAL_RENEWED 1

/*
 * Upstream has stored everything up to seq. JOURNAL_RENEWED: it knows more of
 * this epoch than was ever sent from here, so the files have lost some, and
 * numbers were given twice. There is a new epoch, in which whatever is new is to
 * be sent again.
 */
int journal_ack(struct journal *j, uint64_t seq);
