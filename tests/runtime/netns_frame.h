#pragma once

/*
 * netns_frame.h - raw frames for tests: what somebody could send who has all
 * rights in his network namespace.
 */
#include "base/base.h"
#include "tests/runtime/netns.h"

#define NETNS_MAC_BYTES 6
#define NETNS_FRAME_MAX 128
#define NETNS_MARK "frame of a test"	/* so that a listener knows it */

struct netns_frame {
	uint8_t data[NETNS_FRAME_MAX];
	size_t len;
};

/* An empty frame with its three fields; then what it carries. */
void netns_frame_begin(struct netns_frame *f, const uint8_t to[NETNS_MAC_BYTES],
		       const uint8_t from[NETNS_MAC_BYTES], uint16_t type);
void netns_frame_add(struct netns_frame *f, const void *data, size_t n);
/* The mark, and which one it is, 0..99. */
void netns_frame_add_mark(struct netns_frame *f, unsigned number);

/* Send the frame from a device of the namespace, three times. */
void netns_frame_send(const struct netns *ns, const char *device,
		const struct netns_frame *f);

/* Listen on a device (ns NULL = here) from now on, until a frame with the mark
 * has come in. netns_frame_heard() waits a moment for one: its number, or
 * NETNS_FRAME_NONE. */
#define NETNS_FRAME_NONE (-1)
pid_t netns_frame_listen(const struct netns *ns, const char *device);
int netns_frame_heard(pid_t listener);
