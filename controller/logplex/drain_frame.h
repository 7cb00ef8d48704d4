#pragma once

/*
 * drain_frame.h - lines as sinks get them: logplex-1 for HTTP drains, RFC 5424 with
 * octet counting for syslog drains. Both are "LEN <PRI>1 TIME HOST APP PROC ...".
 */
#include "base/base.h"
#include "base/buf.h"

struct drain_loss;
struct log_line;

#define DRAIN_TOKEN_MAX 40		/* "d.<uuid>" and the NUL */
#define DRAIN_FRAME_ID_MAX 33		/* 32 upper-case hex digits and the NUL */

enum drain_form {
	DRAIN_FORM_LOGPLEX,		/* "... host SOURCE PS - MESSAGE\n" */
	DRAIN_FORM_SYSLOG,		/* "... TOKEN SOURCE PS - - MESSAGE\n" */
};

/* Facility and severity by where a line comes from. */
unsigned drain_frame_pri(const struct log_line *line);

void drain_frame_line(struct buf *out, enum drain_form form, const char *token,
		      const struct log_line *line);

/* The line that tells a loss (L10), of the time usec. */
void drain_frame_loss(struct buf *out, enum drain_form form, const char *token,
		      const struct drain_loss *loss, uint64_t usec);

/* The id of a frame depends on what is in it alone: the drain, the numbers of its
 * lines and the loss that it tells. Returns out. */
char *drain_frame_id(char out[DRAIN_FRAME_ID_MAX], const char *token, uint64_t first,
		     uint64_t last, const struct drain_loss *told);

/* How many messages are whole in the first n bytes of a frame, and how many bytes
 * they have. */
size_t drain_frame_whole(const char *data, size_t n, size_t *ret_bytes);
