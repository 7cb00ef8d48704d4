#pragma once

/*
 * journal_inside.h - a journal as journal.c (writing, reading, forgetting) and
 * journal_open.c (what an earlier process left) see it.
 */
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "manager/limits.h"
#include "manager/output/journal.h"

#define RECORD_MAGIC 0x4c4e5944u	/* "DYNL" */
#define FRAME_MAX (LOG_LINE_MAX + 512)
#define WINDOW_SIZE (128 * 1024)	/* bytes of a segment read at a time */

struct journal_head {
	uint32_t magic;
	uint32_t n;			/* bytes of the frame behind the head */
	uint64_t seq;
	uint64_t reach;
	char instance[40];
};

struct journal_segment {
	struct list link;
	uint64_t first;
	uint64_t size;			/* of the file */
	uint64_t start;			/* acknowledged bytes */
	int fd;
};

struct journal {
	char epoch[UUID_TEXT_MAX];
	int dir_fd;
	uint64_t max;
	uint64_t next_seq;
	uint64_t acked;
	uint64_t found;			/* last number that was there at opening */
	uint64_t sent;			/* last number given out since */
	bool damaged;
	uint64_t bytes;			/* written and not acknowledged */
	struct list segments;
	struct buf pending;
	uint64_t n_pending;
	struct map reaches;		/* instance -> uint64_t *, as found */
	char window[WINDOW_SIZE];	/* for reading a segment */
	void (*fn)(void *userdata);
	void *userdata;
};

bool journal_head_ok(const struct journal_head *h);
/* Numbers begin at 1 again, and nobody has heard of this one. */
void journal_new_epoch(struct journal *j);

int journal_segment_open(struct journal *j, uint64_t first, int flags,
			 struct journal_segment **ret, struct error *e);
struct journal_segment *journal_segment_free(struct journal_segment *s);
DEFINE_AUTO(struct journal_segment, journal_segment_free)
