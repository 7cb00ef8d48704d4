#pragma once

/*
 * drain_window.h - what of an app's lines a drain has had, has lost and has still
 * to get. Pure arithmetic on the numbers of lines.
 *
 *   start ........ next .............. newest
 *     delivered,     |   waiting
 *     dropped, and   |
 *     the frame that is being sent
 *
 * Always: newest - start = delivered + dropped + frame + (newest - next).
 *
 * A loss is told to the sink by a line at the head of the next frame; it counts as
 * told when that frame has arrived.
 */
#include "base/base.h"

struct drain_loss {
	uint64_t n;			/* lines */
	uint64_t since;			/* of the first; microseconds since 1970 */
};

struct drain_window {
	uint64_t start, next;
	uint64_t delivered, dropped;
	uint64_t first, last;		/* the frame; last 0 = none */
	uint64_t made;			/* when it was made; us since 1970 */
	struct drain_loss told;		/* what the frame tells */
	struct drain_loss loss;		/* not told yet */
};

/* Lines of the frame, 0 without one. */
uint64_t drain_window_frame(const struct drain_window *w);
/* Lines that are neither delivered nor dropped, those of the frame included. */
uint64_t drain_window_waiting(const struct drain_window *w, uint64_t newest);

/* Lines behind the frame beyond the limit are lost, the oldest first. Returns how
 * many. */
uint64_t drain_window_limit(struct drain_window *w, uint64_t newest, uint64_t limit,
			    uint64_t now);
/* The lines up to number - 1 are not in the store any more. */
void drain_window_gap(struct drain_window *w, uint64_t number, uint64_t now);

/* The lines up to last are a frame now, and it tells the loss. */
void drain_window_begin(struct drain_window *w, uint64_t last, uint64_t now);
/* It has arrived, */
void drain_window_done(struct drain_window *w);
/* or its first messages have (with the line about a loss, if it has one); the rest
 * is to be sent again. Not all of them: that is done(). */
void drain_window_part(struct drain_window *w, uint64_t messages);
/* or it is given up. */
void drain_window_lost(struct drain_window *w, uint64_t now);

/* The store knows fewer lines than we have had: its file is another one. Counting
 * begins again. Returns whether that was so. */
bool drain_window_reset(struct drain_window *w, uint64_t newest);
