#pragma once

/*
 * attach_frame.h - frames of PROTOCOL.attach: type, 3 bytes length, payload.
 * Pure.
 */
#include "base/base.h"

struct buf;

#define ATTACH_PROTOCOL "dyno-attach/1"
#define ATTACH_HEAD 4
#define ATTACH_PAYLOAD_MAX 65536

enum attach_type {
	/* towards the dyno */
	ATTACH_CLIENT = 'C',
	ATTACH_INPUT = 'I',
	ATTACH_EOF = 'E',
	ATTACH_WINDOW = 'W',
	ATTACH_SIGNAL = 'S',
	ATTACH_HANGUP = 'H',
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

/* Appends a frame; n <= ATTACH_PAYLOAD_MAX. */
void attach_frame_add(struct buf *out, enum attach_type type, const void *data,
		      size_t n);

/* Length of the whole frame that begins at data (ATTACH_HEAD bytes are there). */
size_t attach_frame_size(const void *data);

/* Rows and columns of CLIENT and WINDOW. */
void attach_frame_window(const struct attach_frame *f, uint16_t *ret_rows,
			 uint16_t *ret_cols);
