#pragma once

/*
 * attach_link.h - the stream to an attached dyno: frames there and back, over
 * connections that may be lost and made again without losing a byte.
 *
 * The dyno's host keeps what it has said until we know it, and so do we; on a
 * new connection both say how much they have. A host that does not know the
 * newer protocol never answers JOIN, and then a lost connection is the end.
 */
#include "cli/client/frame.h"

struct attach_link;

/* Make another connection. *ret_fd is a socket, early what came behind its head;
 * ENOENT: there is nothing to come back to. */
typedef int (*attach_connect_fn)(int *ret_fd, struct buf *early, void *userdata,
				 struct error *e);

/* What comes, frame by frame; without JOIN and KNOWN. < 0 ends the reading. */
typedef int (*attach_frame_fn)(const struct frame *f, void *userdata,
			       struct error *e);

struct attach_link {
	int fd;				/* owned; -1 = lost */
	struct buf in;			/* not yet a frame */
	struct replay out;
	uint64_t have, told;		/* of the dyno's frames: had, told that */
	bool joined;			/* the host has said what it has */
	bool deaf;			/* this connection takes no more */
	attach_frame_fn on_frame;
	void *userdata;
};

#define ATTACH_LINK_INIT ((struct attach_link){ .fd = -1 })

/* Over a connection: fd is taken. Says JOIN, also on a connection that replaces
 * another. */
int attach_link_open(struct attach_link *l, int fd, const struct buf *early,
		     struct error *e);
void attach_link_close(struct attach_link *l);
void attach_link_deinit(struct attach_link *l);

/* Whether another connection may replace a lost one. */
bool attach_link_can_come_again(const struct attach_link *l);

/* Queue a frame that the dyno has to get, or one for this connection, if there is
 * one: it is for the next to tell it again. */
void attach_link_put(struct attach_link *l, enum frame_type type, const void *data,
		     size_t n);
void attach_link_put_window(struct attach_link *l, uint16_t rows, uint16_t cols);
bool attach_link_has_output(const struct attach_link *l);

/* Read and deal with what came. ECONNRESET: the connection is lost. */
int attach_link_read(struct attach_link *l, struct error *e);
/* Deal with what came early. */
int attach_link_frames(struct attach_link *l, struct error *e);
void attach_link_write(struct attach_link *l);

/* The last words: that we have all (the dyno has ended), or that we leave for good.
 * Waits a moment until they have left. */
void attach_link_end(struct attach_link *l, bool leave);
