/*
 * log_chunk.c - a fixed head per line, then its source, ps and message.
 */
#include "controller/logplex/log_chunk.h"

struct log_head {
	uint64_t usec;
	uint32_t message;		/* bytes */
	uint8_t source, ps;		/* bytes with the NUL */
	uint8_t unused[2];
};

struct log_chunk *log_chunk_new(uint64_t first)
{
	struct log_chunk *c = xcalloc(1, sizeof(*c));

	list_init(&c->link);
	c->first = first;
	return c;
}

struct log_chunk *log_chunk_free(struct log_chunk *c)
{
	if (!c)
		return NULL;
	list_unlink(&c->link);
	buf_deinit(&c->data);
	free(c);
	return NULL;
}

void log_chunk_free_all(struct list *chunks)
{
	struct log_chunk *c, *tmp;

	list_for_each_safe(c, tmp, chunks, link)
		log_chunk_free(c);
}

bool log_chunk_is_full(const struct log_chunk *c)
{
	return c->n >= LOG_CHUNK_LINES || c->data.len >= LOG_CHUNK_BYTES;
}

void log_chunk_add(struct log_chunk *c, const struct log_line *line)
{
	struct log_head h = {
		.usec = line->usec, .message = (uint32_t)line->message_len,
		.source = (uint8_t)(strlen(line->source) + 1),
		.ps = (uint8_t)(strlen(line->ps) + 1),
	};

	assert(strlen(line->source) < 255 && strlen(line->ps) < 255);
	buf_reserve(&c->data, sizeof(h) + h.source + h.ps + h.message);
	buf_add(&c->data, &h, sizeof(h));
	buf_add(&c->data, line->source, h.source);
	buf_add(&c->data, line->ps, h.ps);
	if (h.message)
		buf_add(&c->data, line->message, h.message);
	c->n++;
}

/* Bytes of the record at p, 0 = damaged. */
static size_t log_chunk_record(const char *p, size_t n, struct log_head *h)
{
	size_t size;

	if (n < sizeof(*h))
		return 0;
	memcpy(h, p, sizeof(*h));
	size = sizeof(*h) + (size_t)h->source + h->ps + h->message;
	if (size > n || h->source == 0 || h->ps == 0 ||
	    p[sizeof(*h) + h->source - 1] != '\0' ||
	    p[sizeof(*h) + h->source + h->ps - 1] != '\0')
		return 0;
	return size;
}

int log_chunk_walk(const char *data, size_t n, uint64_t first, struct log_walk *w)
{
	struct log_head h;
	size_t size;

	for (uint64_t number = first; n > 0 && w->max > 0 && number <= w->last;
	     number++, data += size, n -= size) {
		struct log_line line = { .number = number, .app = w->app };
		int r;

		size = log_chunk_record(data, n, &h);
		if (size == 0)
			return -EBADMSG;
		if (number <= w->after)
			continue;
		line.usec = h.usec;
		line.source = data + sizeof(h);
		line.ps = line.source + h.source;
		line.message = line.ps + h.ps;
		line.message_len = h.message;
		w->after = number;
		w->max--;
		r = w->fn(&line, w->userdata);
		if (r < 0)
			return r;
	}
	return 0;
}
