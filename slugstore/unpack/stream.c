/*
 * stream.c - a thread that decodes into a ring.
 */
#include "base/error.h"
#include "slugstore/unpack/inflate.h"
#include "slugstore/unpack/ring.h"
#include "slugstore/unpack/stream.h"
#include "slugstore/unpack/worker.h"

#define STREAM_BLOCKS 8
#define STREAM_BLOCK (256 * 1024)

/* A block of the ring. */
struct stream_block {
	uint64_t in;		/* bytes of the file so far */
	uint8_t bytes[STREAM_BLOCK];
};

struct stream {
	struct inflate_source src;
	struct inflate *inflate;	/* the thread's, until it has ended */
	struct ring *ring;
	struct worker worker;
	uint64_t size;
};

/* 0: nobody reads any more; INFLATE_END or < 0. */
static int stream_decode(struct stream *s, struct error *e)
{
	struct stream_block *b;
	void *p;
	size_t n;
	int r;

	while (ring_space(s->ring, &p) == 0) {
		b = p;
		r = inflate_read(s->inflate, b->bytes, sizeof(b->bytes), &n, e);
		if (r != 0)
			return r;
		b->in = inflate_position(s->inflate);
		ring_put(s->ring, offsetof(struct stream_block, bytes) + n);
	}
	return 0;
}

static void *stream_run(void *userdata)
{
	struct stream *s = userdata;
	struct error e = { 0 };
	int r = stream_decode(s, &e);

	ring_end(s->ring, r < 0 ? &e : NULL);
	return NULL;
}

int stream_open(struct stream **ret, const struct inflate_source *src,
		struct error *e)
{
	auto_(stream_free_p) struct stream *s = xcalloc(1, sizeof(*s));
	int r;

	s->src = *src;
	r = inflate_open(&s->inflate, src, e);
	if (r < 0)
		return r;
	s->size = inflate_size(s->inflate);
	s->ring = ring_new(STREAM_BLOCKS, sizeof(struct stream_block));
	r = worker_start(&s->worker, stream_run, s, e);
	if (r < 0)
		return r;
	*ret = take_ptr(s);
	return 0;
}

struct stream *stream_free(struct stream *s)
{
	if (!s)
		return NULL;
	if (s->ring)
		ring_close(s->ring);
	worker_join(&s->worker);
	ring_free(s->ring);
	inflate_free(s->inflate);
	free(s);
	return NULL;
}

int stream_read(struct stream *s, const void **ret, size_t *ret_n,
		struct error *e)
{
	const struct stream_block *b;
	const void *p;
	size_t n;
	int r = ring_next(s->ring, &p, &n, e);

	if (r != 0)
		return r < 0 ? r : STREAM_END;
	b = p;
	if (s->src.on_progress)
		s->src.on_progress(b->in, s->size, s->src.userdata);
	*ret = b->bytes;
	*ret_n = n - offsetof(struct stream_block, bytes);
	return 0;
}

bool stream_is_plain(const struct stream *s)
{
	return inflate_is_plain(s->inflate);
}
