#pragma once

/*
 * attach_frame.h - frames of PROTOCOL.attach: type, 3 bytes length, payload.
 * Pure.
 */
#include "base/replay.h"

#define ATTACH_PROTOCOL "dyno-attach/2"
#define ATTACH_PROTOCOL_OLD "dyno-attach/1"	/* without JOIN and KNOWN */

enum attach_type {
	/* towards the dyno */
	ATTACH_CLIENT = 'C',
	ATTACH_INPUT = 'I',
	ATTACH_EOF = 'E',
	ATTACH_WINDOW = 'W',
	ATTACH_SIGNAL = 'S',
	ATTACH_HANGUP = 'H',
	/* both ways, not counted */
	ATTACH_JOIN = 'J',
	ATTACH_KNOWN = 'K',
	/* from the dyno */
	ATTACH_RUNNING = 'R',
	ATTACH_OUTPUT = 'O',
	ATTACH_DIAGNOSTIC = 'D',
	ATTACH_EXIT = 'X',
	ATTACH_FAILED = 'F',
};

struct attach_frame {
	enum attach_type type;
	const unsigned char *data;	/* into the bytes that were parsed */
	size_t n;
};

/* A frame towards the dyno. Returns how many bytes it takes; 0 = not complete
 * yet; -EPROTO = no such frame (type, length or payload is wrong). */
ssize_t attach_frame_parse(const void *data, size_t n, struct attach_frame *ret);

/* Whether a frame towards the dyno is in the count of JOIN and KNOWN. */
bool attach_frame_counts(enum attach_type type);

/* Rows and columns of CLIENT and WINDOW. */
void attach_frame_window(const struct attach_frame *f, uint16_t *ret_rows,
			 uint16_t *ret_cols);
