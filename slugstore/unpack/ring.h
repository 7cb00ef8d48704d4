#pragma once

/*
 * ring.h - blocks of bytes from one thread to another.
 *
 * One writes, one reads; the number of blocks is fixed, and who is too fast
 * waits. Each side can end it at any time, and the other one never waits for
 * somebody who has gone:
 *
 *   writer: ring_space, fill, ring_put, ..., ring_end
 *   reader: ring_next until it is not 0, ring_close
 *
 * The ring is freed when neither side uses it any more.
 */
#include "base/base.h"

struct error;
struct ring;

#define RING_END 1		/* to the reader: there is no more */
#define RING_CLOSED 1		/* to the writer: nobody reads any more */

struct ring *ring_new(size_t blocks, size_t block_bytes);
struct ring *ring_free(struct ring *r);
DEFINE_AUTO(struct ring, ring_free)

/* 0 and a free block, or RING_CLOSED. Waits. */
int ring_space(struct ring *r, void **ret);
/* Hand over the block, of which n bytes are filled. */
void ring_put(struct ring *r, size_t n);
/* No more follows, because of an error if code > 0. The first word counts. */
void ring_end(struct ring *r, const struct error *why);

/* 0 and the next block, borrowed until the next call; RING_END; or the writer's
 * error, once all blocks before it were read. Waits. */
int ring_next(struct ring *r, const void **ret, size_t *ret_n, struct error *e);
void ring_close(struct ring *r);
