#pragma once

/*
 * log_frames.h - the body of a host's log request (PROTOCOL.upstream, 4).
 */
#include "controller/logplex/log_store.h"

struct error;

struct log_frame {
	uint64_t seq;
	struct log_line line;		/* points into the frame's own copies */
	char app[40], source[8], ps[80];
};

#define LOG_FRAMES_END 1

/* Read the frame at *p and move *p behind it; LOG_FRAMES_END at the end.
 * EBADMSG: no frame; the message says what is wrong. */
int log_frames_next(const char **p, const char *end, struct log_frame *ret,
		    struct error *e);
