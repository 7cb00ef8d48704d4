#pragma once

/*
 * stream.h - the bytes of a slug file without its compression, decoded by a
 * thread of their own: what inflate.h says, ahead of who reads them.
 */
#include "base/base.h"

struct error;
struct inflate_source;
struct stream;

#define STREAM_END 1

/* Errors as of inflate_open(). on_progress of the source is called by who calls
 * stream_read(), not by the thread. */
int stream_open(struct stream **ret, const struct inflate_source *src,
		struct error *e);
/* Stops the thread, wherever it is. */
struct stream *stream_free(struct stream *s);
DEFINE_AUTO(struct stream, stream_free)

/* 0 and the next bytes, at least one, borrowed until the next call; STREAM_END;
 * or an error of inflate_read(). */
int stream_read(struct stream *s, const void **ret, size_t *ret_n,
		struct error *e);

bool stream_is_plain(const struct stream *s);		/* no compression */
