/*
 * writer.c - what is to be made goes through a ring as a row of orders, one
 * behind the other in its blocks. This is the side that gives them; writer_make.c
 * carries them out.
 */
#include "base/error.h"
#include "slugstore/unpack/entry.h"
#include "slugstore/unpack/ring.h"
#include "slugstore/unpack/worker.h"
#include "slugstore/unpack/writer.h"
#include "slugstore/unpack/writer_make.h"

#define WRITER_BLOCKS 8
#define WRITER_BLOCK (256 * 1024)
#define WRITER_ALIGN 8
#define WRITER_PIECE_MIN 4096		/* less is not begun in a block's rest */

struct writer {
	struct ring *ring;
	struct worker worker;
	struct writer_make make;
	char *block;		/* being filled, or NULL */
	size_t used;
	int result;		/* of the thread, once it has ended */
	struct error fault;	/* if result < 0 */
};

/* All orders of a block. */
static int writer_obey(struct writer_make *m, const char *p, size_t n,
		       struct error *e)
{
	int r = 0;

	while (r == 0 && n > 0) {
		const struct writer_order *o = (const void *)p;

		r = writer_make(m, o, e);
		p += o->size;
		n -= o->size;
	}
	return r;
}

static void *writer_run(void *userdata)
{
	struct writer *w = userdata;
	const void *p;
	size_t n;
	int r;

	while ((r = ring_next(w->ring, &p, &n, &w->fault)) == 0) {
		r = writer_obey(&w->make, p, n, &w->fault);
		if (r < 0)
			break;
	}
	if (r == RING_END)
		r = writer_make_finish(&w->make, &w->fault);
	w->result = r;
	writer_make_deinit(&w->make);
	ring_close(w->ring);
	return NULL;
}

int writer_new(struct writer **ret, int tree_fd, struct error *e)
{
	auto_(writer_free_p) struct writer *w = xcalloc(1, sizeof(*w));
	int r;

	writer_make_init(&w->make, tree_fd);
	w->ring = ring_new(WRITER_BLOCKS, WRITER_BLOCK);
	r = worker_start(&w->worker, writer_run, w, e);
	if (r < 0)
		return r;
	*ret = take_ptr(w);
	return 0;
}

struct writer *writer_free(struct writer *w)
{
	const struct error stop = { .code = ECANCELED };

	if (!w)
		return NULL;
	ring_end(w->ring, &stop);
	worker_join(&w->worker);
	ring_free(w->ring);
	free(w);
	return NULL;
}

/* The thread has gone: why? */
static int writer_fault(struct writer *w, struct error *e)
{
	worker_join(&w->worker);
	return error_set(e, w->fault.code, "%s", w->fault.msg);
}

static void writer_flush(struct writer *w)
{
	if (w->block)
		ring_put(w->ring, w->used);
	w->block = NULL;
}

/* Room for an order with n bytes behind it, in the block that is being filled
 * or the next one. */
static int writer_room(struct writer *w, size_t n, struct writer_order **ret,
		       struct error *e)
{
	size_t size = (sizeof(**ret) + n + WRITER_ALIGN - 1) / WRITER_ALIGN *
		WRITER_ALIGN;
	void *p;

	assert(size <= WRITER_BLOCK);
	if (w->block && size > WRITER_BLOCK - w->used)
		writer_flush(w);
	if (!w->block) {
		if (ring_space(w->ring, &p) == RING_CLOSED)
			return writer_fault(w, e);
		w->block = p;
		w->used = 0;
	}
	*ret = (void *)(w->block + w->used);
	w->used += size;
	**ret = (struct writer_order){ .size = size };
	return 0;
}

int writer_entry(struct writer *w, const struct entry_verdict *en,
		 bool replaces, struct error *e)
{
	size_t path_n = strlen(en->path) + 1, target_n = strlen(en->target) + 1;
	struct writer_order *o;
	int r = writer_room(w, path_n + target_n, &o, e);

	if (r < 0)
		return r;
	o->what = WRITER_ENTRY;
	o->type = en->type;
	o->replaces = replaces;
	o->mode = en->mode;
	o->mtime = en->mtime;
	o->n = en->size;
	o->target = path_n;
	memcpy(o->bytes, en->path, path_n);
	memcpy(o->bytes + path_n, en->target, target_n);
	return 0;
}

int writer_data(struct writer *w, const void *data, size_t n, uint64_t offset,
		struct error *e)
{
	const char *p = data;
	struct writer_order *o;

	while (n > 0) {
		size_t rest = w->block ? WRITER_BLOCK - w->used : 0, piece;
		int r;

		if (rest < sizeof(*o) + WRITER_PIECE_MIN)
			rest = WRITER_BLOCK;
		rest -= sizeof(*o);
		piece = n < rest ? n : rest;
		r = writer_room(w, piece, &o, e);
		if (r < 0)
			return r;
		o->what = WRITER_DATA;
		o->n = piece;
		o->offset = offset;
		memcpy(o->bytes, p, piece);
		p += piece;
		n -= piece;
		offset += piece;
	}
	return 0;
}

int writer_end_file(struct writer *w, struct error *e)
{
	struct writer_order *o;
	int r = writer_room(w, 0, &o, e);

	if (r >= 0)
		o->what = WRITER_END_FILE;
	return r;
}

int writer_finish(struct writer *w, struct error *e)
{
	writer_flush(w);
	ring_end(w->ring, NULL);
	worker_join(&w->worker);
	return w->result < 0 ? writer_fault(w, e) : 0;
}
