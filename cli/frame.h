#pragma once

/*
 * frame.h - frames of an attach stream (doc/PROTOCOL.attach).
 */
#include "base/base.h"

struct buf;
struct error;

#define FRAME_HEAD 4
#define FRAME_MAX 65536
#define FRAME_PROTOCOL "dyno-attach/1"

enum frame_type {
	/* towards the dyno */
	FRAME_INPUT = 'I',
	FRAME_INPUT_END = 'E',
	FRAME_WINDOW = 'W',
	FRAME_SIGNAL = 'S',
	/* from the dyno */
	FRAME_RUNNING = 'R',
	FRAME_OUTPUT = 'O',
	FRAME_ERROR_OUTPUT = 'D',
	FRAME_EXIT = 'X',
	FRAME_FAILED = 'F',
};

struct frame {
	enum frame_type type;
	const char *data;		/* into the buffer that was read */
	size_t len;
};

/* Append a frame; more than FRAME_MAX bytes are a bug of the caller. */
void frame_put(struct buf *out, enum frame_type type, const void *data,
	       size_t n);
void frame_put_window(struct buf *out, uint16_t rows, uint16_t cols);

#define FRAME_READY 1

/*
 * Look at the first frame of in, which comes from the dyno. FRAME_READY: *ret
 * is it; drop FRAME_HEAD + ret->len bytes when it has been dealt with. 0: it
 * is not complete. EPROTO: not a frame of that direction.
 */
int frame_peek(const struct buf *in, struct frame *ret, struct error *e);
