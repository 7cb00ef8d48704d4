#pragma once

/*
 * byte_range.h - the headers with which a client asks for a part of a file
 * (RFC 9110, 13.1 and 14.2). Pure.
 *
 * Inside http/ only. Whatever is not a single well-formed range of bytes is
 * ignored, which means the whole: that is always a right answer.
 */
#include "base/base.h"

struct byte_range {
	uint64_t first, last;		/* both included */
};

enum byte_range_kind {
	BYTE_RANGE_WHOLE,		/* no range, or one to ignore */
	BYTE_RANGE_PART,		/* 206: *ret is filled */
	BYTE_RANGE_OUTSIDE,		/* 416: nothing of it is in the file */
};

/* text: the Range header, or NULL. The last byte is cut to the file's size. */
enum byte_range_kind byte_range_parse(const char *text, uint64_t size,
				      struct byte_range *ret);

/* Whether If-Range (NULL: absent) allows a part: only the very same strong
 * tag does. tag is without quotes; NULL: the file has none. */
bool byte_range_if_range(const char *text, const char *tag);

/* Whether If-Match (NULL: absent) allows a change of what has this strong tag
 * now; tag NULL: it has none, or is not there. */
bool byte_range_if_match(const char *text, const char *tag);

/* Whether If-None-Match (NULL: absent) names the tag, or is "*". */
bool byte_range_none_match(const char *text, const char *tag);
