#pragma once

/*
 * replay.h - frames towards a peer whose connection may break and come again.
 * Pure: whoever owns the connection asks what to send, and tells what was sent.
 *
 * A frame is its type (1 byte), the length of its payload (3 bytes, big-endian)
 * and the payload. The bytes of all frames are counted from the first one on;
 * with keep, they stay until the peer has told up to which count it has them,
 * and on a new connection they are sent again from there. Without keep they go
 * as they are sent, and a new connection only repeats the one that was half
 * sent. Control frames are outside of the count: they belong to a connection.
 */
#include "base/buf.h"

#define REPLAY_HEAD 4
#define REPLAY_PAYLOAD_MAX 65536
#define REPLAY_COUNT_BYTES 8

struct replay {
	struct buf frames;
	size_t front;		/* so much of frames is not needed any more */
	size_t sent;		/* so much of frames has been sent */
	uint64_t count;		/* of the stream, at front */
	struct buf control;
	size_t left;		/* bytes until something else may go between */
	bool in_control;	/* ... of control, else of frames */
	bool keep;
	bool hold;		/* the peer has not said yet what it has */
	bool rewind;		/* behind the frame that is half sent: from front on */
};

#define REPLAY_INIT ((struct replay){ .keep = false })

void replay_deinit(struct replay *r);

/* Append a frame; n <= REPLAY_PAYLOAD_MAX. */
void replay_put(struct replay *r, char type, const void *data, size_t n);
/* A frame for this connection, before all that has not begun. */
void replay_control(struct replay *r, char type, const void *data, size_t n);
/* A control frame whose payload is a count (8 bytes, big-endian). */
void replay_control_count(struct replay *r, char type, uint64_t count);
/* The count in such a frame's payload. */
uint64_t replay_read_count(const void *payload);

/* What to send next; false: nothing. */
bool replay_next(const struct replay *r, const void **ret, size_t *ret_n);
/* n bytes of that have been sent. */
void replay_sent(struct replay *r, size_t n);

/* Bytes that are kept or wait, without control frames. */
size_t replay_pending(const struct replay *r);
/* The count behind the last frame that was put. */
uint64_t replay_said(const struct replay *r);
/* Nothing is to be sent, and nothing is kept. */
bool replay_is_empty(const struct replay *r);

/* The connection is gone. Nothing but control frames goes over the next one before
 * replay_rejoin(), or without keep before replay_release(). */
void replay_disconnect(struct replay *r);
void replay_release(struct replay *r);

/* The peer has all up to count, which is the end of a frame. false: that cannot be. */
bool replay_ack(struct replay *r, uint64_t count);
/* The same of a peer that comes (again): go on from there, behind the control frames
 * that are put meanwhile. What it gets before those it has to ignore: it may be the end
 * of a frame of old. From here on frames are kept. */
bool replay_rejoin(struct replay *r, uint64_t count);

/* In a queue of which nothing was sent: what is in it begins at this count. */
void replay_begin_at(struct replay *r, uint64_t count);

/* Forget all that waits, as if it had been taken. */
void replay_clear(struct replay *r);

/* Length of the whole frame that begins at data (REPLAY_HEAD bytes are there). */
size_t replay_frame_size(const void *data);
