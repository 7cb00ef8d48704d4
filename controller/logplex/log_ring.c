/*
 * log_ring.c - chunks in a list; readers are mostly near its end.
 */
#include "controller/logplex/log_ring.h"

#include <stdio.h>

struct log_ring *log_ring_new(const char *app, uint64_t newest)
{
	struct log_ring *r = xcalloc(1, sizeof(*r));

	list_init(&r->used);
	list_init(&r->touched);
	list_init(&r->veiled);
	list_init(&r->chunks);
	list_init(&r->adding);
	list_init(&r->counts);
	snprintf(r->app, sizeof(r->app), "%s", app);
	r->newest = r->shown = newest;
	r->next = newest + 1;
	return r;
}

static void log_ring_free_counts(struct log_ring *r)
{
	struct log_count *c, *tmp;

	list_for_each_safe(c, tmp, &r->counts, link) {
		list_unlink(&c->link);
		free(c);
	}
}

struct log_ring *log_ring_free(struct log_ring *r)
{
	if (!r)
		return NULL;
	list_unlink(&r->used);
	list_unlink(&r->touched);
	list_unlink(&r->veiled);
	log_chunk_free_all(&r->chunks);
	log_chunk_free_all(&r->adding);
	log_ring_free_counts(r);
	free(r);
	return NULL;
}

static struct log_chunk *log_ring_oldest(const struct log_ring *r)
{
	return list_empty(&r->chunks) ? NULL :
	       list_entry(r->chunks.next, struct log_chunk, link);
}

static struct log_chunk *log_ring_last(const struct list *chunks)
{
	return list_empty(chunks) ? NULL :
	       list_entry(chunks->prev, struct log_chunk, link);
}

uint64_t log_ring_first(const struct log_ring *r)
{
	const struct log_chunk *c = log_ring_oldest(r);

	return c ? c->first : r->newest + 1;
}

/* ---- adding ---- */

void log_ring_add(struct log_ring *r, const struct log_line *line)
{
	struct log_chunk *c = log_ring_last(&r->adding);

	if (!c || log_chunk_is_full(c)) {
		c = log_chunk_new(r->next);
		list_add_tail(&r->adding, &c->link);
	}
	log_chunk_add(c, line);
	r->next++;
	log_ring_count(r, line->source, line->ps)->stored++;
}

struct log_count *log_ring_count(struct log_ring *r, const char *source,
				 const char *ps)
{
	struct log_count *c;

	list_for_each(c, &r->counts, link)
		if (str_eq(c->ps, ps) && str_eq(c->source, source))
			break;
	if (&c->link == &r->counts) {
		c = xcalloc(1, sizeof(*c));
		list_init(&c->link);
		snprintf(c->source, sizeof(c->source), "%s", source);
		snprintf(c->ps, sizeof(c->ps), "%s", ps);
	}
	/* To the front: the next line is mostly of the same dyno. */
	list_unlink(&c->link);
	list_add_tail(r->counts.next, &c->link);
	return c;
}

/* Few lines at a time would make many chunks. */
static bool log_ring_merge(struct log_ring *r, const struct log_chunk *c)
{
	struct log_chunk *to = log_ring_last(&r->chunks);

	if (!to || to->n + c->n > LOG_CHUNK_LINES ||
	    to->data.len + c->data.len > LOG_CHUNK_BYTES)
		return false;
	buf_add(&to->data, c->data.data, c->data.len);
	to->n += c->n;
	to->usec = c->usec;
	return true;
}

void log_ring_commit(struct log_ring *r, uint64_t now)
{
	struct log_chunk *c, *tmp;

	list_for_each_safe(c, tmp, &r->adding, link) {
		c->usec = now;
		r->bytes += c->data.len;
		list_unlink(&c->link);
		if (log_ring_merge(r, c))
			log_chunk_free(c);
		else
			list_add_tail(&r->chunks, &c->link);
		r->newest = r->next - 1;
	}
	log_ring_free_counts(r);
}

void log_ring_rollback(struct log_ring *r)
{
	log_chunk_free_all(&r->adding);
	log_ring_free_counts(r);
	r->next = r->newest + 1;
}

/* ---- showing ---- */

bool log_ring_show(struct log_ring *r, uint64_t n)
{
	if (r->shown == r->newest)
		return false;
	r->shown = r->newest - r->shown > n ? r->shown + n : r->newest;
	return true;
}

static struct log_chunk *log_ring_find(const struct log_ring *r, uint64_t number)
{
	struct list *l;

	for (l = r->chunks.prev; l != &r->chunks; l = l->prev) {
		struct log_chunk *c = list_entry(l, struct log_chunk, link);

		if (c->first <= number || l->prev == &r->chunks)
			return c;
	}
	return NULL;
}

size_t log_ring_veiled_bytes(const struct log_ring *r)
{
	size_t n = 0;

	if (r->shown == r->newest)
		return 0;
	for (struct list *l = &log_ring_find(r, r->shown + 1)->link;
	     l != &r->chunks; l = l->next)
		n += list_entry(l, struct log_chunk, link)->data.len;
	return n;
}

/* ---- dropping ---- */

static void log_ring_drop_oldest(struct log_ring *r)
{
	struct log_chunk *c = log_ring_oldest(r);

	r->bytes -= c->data.len;
	log_chunk_free(c);
}

void log_ring_drop(struct log_ring *r, uint64_t before)
{
	struct log_chunk *c;

	while ((c = log_ring_oldest(r)) && c->first + c->n <= before &&
	       c->first + c->n <= r->shown + 1)
		log_ring_drop_oldest(r);
}

void log_ring_expire(struct log_ring *r, uint64_t before)
{
	struct log_chunk *c;

	while ((c = log_ring_oldest(r)) && c->usec < before &&
	       c->first + c->n <= r->shown + 1)
		log_ring_drop_oldest(r);
}

/* ---- reading ---- */

int log_ring_walk(const struct log_ring *r, struct log_walk *w)
{
	struct log_chunk *c = log_ring_find(r, w->after + 1);
	int res = 0;

	for (struct list *l = c ? &c->link : r->chunks.next;
	     res == 0 && w->max > 0 && l != &r->chunks; l = l->next) {
		c = list_entry(l, struct log_chunk, link);
		if (c->first > w->last)
			break;
		res = log_chunk_walk(c->data.data, c->data.len, c->first, w);
	}
	return res;
}
