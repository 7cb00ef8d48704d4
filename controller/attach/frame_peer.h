#pragma once

/*
 * frame_peer.h - a peer whose frames travel as they are, over a socket.
 */
#include "controller/attach/attach_peer.h"

#include <systemd/sd-event.h>

struct error;

/* fd is non-blocking and taken in every case; early: bytes that have come
 * already. allowed: the types that may come ("IEWS"). patient: a peer that
 * closes while it is paused is read to its end first; else it is lost at once
 * and what it said is dropped. Events are called from the loop only. */
int frame_peer_new(struct attach_peer **ret, sd_event *event, int fd,
		   const void *early, size_t n_early, const char *allowed,
		   bool patient, const struct attach_peer_events *events, void *userdata,
		   struct error *e);
