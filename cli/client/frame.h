#pragma once

/*
 * frame.h - frames of an attach stream (doc/PROTOCOL.attach).
 */
#include "base/replay.h"

struct error;

#define FRAME_PROTOCOL "dyno-attach/2"

enum frame_type {
	/* towards the dyno */
	FRAME_INPUT = 'I',
	FRAME_INPUT_END = 'E',
	FRAME_WINDOW = 'W',
	FRAME_SIGNAL = 'S',
	FRAME_LEAVE = 'H',
	/* from the dyno */
	FRAME_RUNNING = 'R',
	FRAME_OUTPUT = 'O',
	FRAME_ERROR_OUTPUT = 'D',
	FRAME_EXIT = 'X',
	FRAME_FAILED = 'F',
	/* both ways, not counted */
	FRAME_JOIN = 'J',
	FRAME_KNOWN = 'K',
};

struct frame {
	enum frame_type type;
	const char *data;		/* into the buffer that was read */
	size_t len;
};

#define FRAME_READY 1

/*
 * Look at the first frame of in, which comes from the dyno. FRAME_READY: *ret
 * is it; drop REPLAY_HEAD + ret->len bytes when it has been dealt with. 0: it
 * is not complete. EPROTO: not a frame of that direction.
 */
int frame_peek(const struct buf *in, struct frame *ret, struct error *e);
