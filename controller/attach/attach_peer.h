#pragma once

/*
 * attach_peer.h - one end of an attached dyno: the client's or the host's.
 *
 * A peer gives and takes whole frames of PROTOCOL.attach. How they travel is
 * its own affair: as they are (frame_peer), or as raw bytes in TLS
 * (rendezvous). What is buffered is bounded: at most one frame on the way in;
 * on the way out the owner looks at backlog and pauses the other end.
 */
#include "base/base.h"

struct attach_peer;

#define ATTACH_PAYLOAD_MAX 65536
#define ATTACH_BACKLOG_MAX (128 * 1024)	/* pause the other end above */

struct attach_peer_events {
	/* A frame has come. May send, pause or finish, also the own peer. */
	void (*on_frame)(struct attach_peer *p, char type, const void *data,
			 size_t n, void *userdata);
	/* The backlog has been sent. */
	void (*on_drained)(struct attach_peer *p, void *userdata);
	/* The other side is gone or speaks nonsense. The peer only waits for
	 * attach_peer_free(). Not called after attach_peer_finish(). */
	void (*on_lost)(struct attach_peer *p, void *userdata);
};

struct attach_peer_ops {
	void (*send)(struct attach_peer *p, char type, const void *data, size_t n);
	void (*pause)(struct attach_peer *p, bool on);
	size_t (*backlog)(const struct attach_peer *p);
	void (*finish)(struct attach_peer *p);
	void (*free)(struct attach_peer *p);
};

struct attach_peer {
	const struct attach_peer_ops *ops;
	const struct attach_peer_events *events;
	void *userdata;
};

/* Send a frame; data at most ATTACH_PAYLOAD_MAX bytes. */
static inline void attach_peer_send(struct attach_peer *p, char type,
				    const void *data, size_t n)
{
	p->ops->send(p, type, data, n);
}

/* Stop reading, or go on. */
static inline void attach_peer_pause(struct attach_peer *p, bool on)
{
	p->ops->pause(p, on);
}

static inline size_t attach_peer_backlog(const struct attach_peer *p)
{
	return p->ops->backlog(p);
}

/* Send what waits, close in an orderly way and free the peer by itself: it is
 * no longer the caller's. No event is called any more. */
static inline void attach_peer_finish(struct attach_peer *p)
{
	p->ops->finish(p);
}

/* Returns NULL. Also inside its own events. */
static inline struct attach_peer *attach_peer_free(struct attach_peer *p)
{
	if (p)
		p->ops->free(p);
	return NULL;
}
