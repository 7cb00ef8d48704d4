/*
 * ring.c - a mutex and two conditions: a block is large enough that they cost
 * nothing beside filling it.
 */
#include "slugstore/unpack/ring.h"
#include "base/error.h"

#include <pthread.h>

struct ring {
	pthread_mutex_t lock;
	pthread_cond_t filled, freed;
	size_t blocks, block_bytes;
	size_t put, got;	/* blocks so far; got: also given back */
	bool reading;		/* the reader has block "got" */
	bool ended, closed;
	struct error why;	/* code 0: a good end */
	size_t *used;		/* bytes in each block */
	char *bytes;
};

struct ring *ring_new(size_t blocks, size_t block_bytes)
{
	struct ring *r = xcalloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->filled, NULL);
	pthread_cond_init(&r->freed, NULL);
	r->blocks = blocks;
	r->block_bytes = block_bytes;
	r->used = xcalloc(blocks, sizeof(*r->used));
	r->bytes = xmalloc(blocks * block_bytes);
	return r;
}

struct ring *ring_free(struct ring *r)
{
	if (r) {
		pthread_mutex_destroy(&r->lock);
		pthread_cond_destroy(&r->filled);
		pthread_cond_destroy(&r->freed);
		free(r->used);
		free(r->bytes);
		free(r);
	}
	return NULL;
}

int ring_space(struct ring *r, void **ret)
{
	bool closed;

	pthread_mutex_lock(&r->lock);
	assert(!r->ended);
	while (!r->closed && r->put - r->got == r->blocks)
		pthread_cond_wait(&r->freed, &r->lock);
	closed = r->closed;
	pthread_mutex_unlock(&r->lock);
	*ret = r->bytes + r->put % r->blocks * r->block_bytes;
	return closed ? RING_CLOSED : 0;
}

void ring_put(struct ring *r, size_t n)
{
	assert(n <= r->block_bytes);
	pthread_mutex_lock(&r->lock);
	r->used[r->put % r->blocks] = n;
	r->put++;
	pthread_cond_signal(&r->filled);
	pthread_mutex_unlock(&r->lock);
}

void ring_end(struct ring *r, const struct error *why)
{
	pthread_mutex_lock(&r->lock);
	if (!r->ended && why)
		r->why = *why;
	r->ended = true;
	pthread_cond_signal(&r->filled);
	pthread_mutex_unlock(&r->lock);
}

int ring_next(struct ring *r, const void **ret, size_t *ret_n, struct error *e)
{
	pthread_mutex_lock(&r->lock);
	r->got += r->reading;
	r->reading = false;
	pthread_cond_signal(&r->freed);
	while (!r->ended && r->put == r->got)
		pthread_cond_wait(&r->filled, &r->lock);
	r->reading = r->put != r->got;
	pthread_mutex_unlock(&r->lock);

	if (r->reading) {
		*ret = r->bytes + r->got % r->blocks * r->block_bytes;
		*ret_n = r->used[r->got % r->blocks];
		return 0;
	}
	return r->why.code ? error_set(e, r->why.code, "%s", r->why.msg)
			   : RING_END;
}

void ring_close(struct ring *r)
{
	pthread_mutex_lock(&r->lock);
	r->closed = true;
	pthread_cond_signal(&r->freed);
	pthread_mutex_unlock(&r->lock);
}
