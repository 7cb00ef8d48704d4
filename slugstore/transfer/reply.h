#pragma once

/*
 * reply.h - what the head of an HTTP answer says that matters to a transfer.
 */
#include "base/base.h"
#include "base/id.h"

#define REPLY_VALUE_MAX 512

struct reply {
	int status;		/* 0: none yet */
	bool has_length;
	uint64_t length;	/* Content-Length: of this body */

	/* Content-Range: "bytes first-last/total" (last inclusive), or
	 * "bytes *" "/total" of status 416; nonsense is as none */
	bool has_range, has_total;
	uint64_t first, last, total;

	char etag[REPLY_VALUE_MAX];	/* with quotes and W/; "": none */
	char modified[REPLY_VALUE_MAX];
	char date[REPLY_VALUE_MAX];
	char encoding[REPLY_VALUE_MAX];
	char sha256[SHA256_HEX_MAX];	/* x-amz-meta-sha256 */
};

/* Take in one line of n bytes, with or without its end. A line "HTTP/..."
 * begins a new answer. */
void reply_line(struct reply *r, const char *line, size_t n);

/*
 * What If-Range may hold to get more of these very bytes: a strong ETag, or a
 * Last-Modified at least a minute older than the answer. NULL: there is none.
 */
const char *reply_validator(const struct reply *r);

/* The body is the bytes themselves, not some encoding of them. */
bool reply_is_plain(const struct reply *r);
