#pragma once

/*
 * logplex_frame.h - pure: the body of POST /logs (application/logplex-1), octet-counted
 * syslog frames:
 *
 *   LEN SP <PRI>VERSION SP TIME SP HOST SP APP-NAME SP PROCID SP MSGID SP SD SP MSG
 *
 * The structured data may be missing, as in what Logplex itself sends to drains.
 */
#include "base/base.h"

#define LOGPLEX_FRAME_MAX (64 * 1024)	/* bytes; Logplex takes 10240 */
#define LOGPLEX_TOKEN_MAX 48
#define LOGPLEX_PS_MAX 80

struct logplex_frame {
	uint64_t usec;			/* since 1970; 0 = it tells none */
	char token[LOGPLEX_TOKEN_MAX];	/* APP-NAME, cut */
	char ps[LOGPLEX_PS_MAX];	/* PROCID, cut; "" = none. No blanks, no
					 * controls */
	const char *message;		/* into the frame, without a newline at its end; the
					 * whole frame if it is no RFC 5424 */
	size_t message_len;
};

#define LOGPLEX_FRAME_END 1
#define LOGPLEX_FRAME_MALFORMED 2	/* no length, or too long a frame */
#define LOGPLEX_FRAME_SHORT 3		/* the body ends in the middle of it */

/* Read the frame at *p and move *p behind it. */
int logplex_frame_next(const char **p, const char *end, struct logplex_frame *ret);

/* The next line of a message, at most max bytes: an inner newline ends one. false
 * behind the last one; a message has at least one. *p is NULL at first. */
bool logplex_frame_line(const struct logplex_frame *f, const char **p, size_t max,
			const char **ret, size_t *ret_n);
