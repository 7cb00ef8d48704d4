#pragma once

/*
 * host_link.h - one end of the socket between dynod and its supervisor.
 *
 * Moves whole packets and their descriptors. A full socket loses nothing: what
 * cannot be sent is queued up to HOST_QUEUE_MAX bytes. A link breaks once: by
 * the peer's end (ECONNRESET), by bytes that are no message (EBADMSG), or by an
 * error of the socket; on_broken is called from the loop, and after it nothing
 * is.
 */
#include "manager/protocol/host_message.h"

#include <systemd/sd-event.h>

struct buf;
struct error;
struct host_link;

#define HOST_QUEUE_MAX (4 * 1024 * 1024)

/* Either may free the link. The packet and its strings are borrowed. A handler
 * that keeps a descriptor takes it: take_fd(fds[DYNO_FD_x]). */
struct host_link_ops {
	void (*on_packet)(struct host_packet *p, int fds[DYNO_FD_COUNT],
			  void *userdata);
	void (*on_broken)(const struct error *why, void *userdata);
};

/* A connected pair, close-on-exec and non-blocking, with room for the longest
 * message. */
int host_link_pair(int ret_fds[2], struct error *e);

/* peer = who is at the other end. fd belongs to the link once this succeeds. */
int host_link_new(struct host_link **ret, sd_event *event, int fd,
		  enum host_side peer, const struct host_link_ops *ops,
		  void *userdata, struct error *e);
struct host_link *host_link_free(struct host_link *l);

/* Send or queue one encoded message; fds (NULL = none) holds the descriptors
 * of its fd_mask, -1 elsewhere, and stays the caller's. ENOBUFS: the queue is
 * full. EPIPE: the peer is gone; on_broken follows from the loop. */
int host_link_send(struct host_link *l, const struct buf *message,
		   const int fds[DYNO_FD_COUNT], struct error *e);
