#pragma once

/*
 * writeback.h - bring to the disk what was written, while more is being written.
 *
 * The kernel itself would begin after half a minute, and whoever syncs at the
 * end would wait for the disk with idle processors. A thread calls syncfs(2)
 * whenever enough has gathered. That also reports errors of the disk, once: so
 * they must be asked for here, since the caller's own syncfs() may no longer see
 * them. The thread starts when there is something for it to do.
 */
#include "base/base.h"
#include "slugstore/unpack/worker.h"

struct error;

struct writeback {
	int fd;			/* of the file system, borrowed */
	struct worker worker;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint64_t gathered;	/* bytes */
	bool stop;
	int failed;		/* errno of syncfs() */
};

void writeback_init(struct writeback *b, int fd);
/* Waits for what the thread is at. */
void writeback_deinit(struct writeback *b);

/* A file of n bytes was written. */
int writeback_add(struct writeback *b, uint64_t n, struct error *e);

/* End the thread. Not all is on disk then, but what is said to be is. */
int writeback_finish(struct writeback *b, struct error *e);
