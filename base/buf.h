#pragma once

/*
 * buf.h - a growing byte string.
 *
 * Invariants: data is never NULL after buf_init/BUF_INIT's first use, and
 * data[len] is always 0, so that a buffer of text can be passed as a string
 * ("" while empty: use buf_str()).
 */
#include "base/base.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;
};

#define BUF_INIT ((struct buf){ NULL, 0, 0 })
#define auto_buf auto_(buf_deinit) struct buf

void buf_deinit(struct buf *b);		/* leaves an empty, usable buffer */
void buf_reserve(struct buf *b, size_t more);	/* room for more bytes + NUL */
void buf_add(struct buf *b, const void *data, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_consume(struct buf *b, size_t n);	/* drop n bytes from the front */
void buf_clear(struct buf *b);			/* len = 0, memory kept */
char *buf_take(struct buf *b);			/* the string, owned by the caller */

static inline const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}
