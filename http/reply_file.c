/*
 * reply_file.c - a file as the answer: whole, a part, or the news that the
 * client has it already. libmicrohttpd sends it by sendfile(2).
 */
#include "http/byte_range.h"
#include "http/request.h"

#include <inttypes.h>

#define CONTENT_RANGE "Content-Range"

static void reply_file_send(struct http_request *req, int status,
			    const char *type, int fd, uint64_t at, uint64_t n)
{
	if (type)
		http_reply_header(req, "Content-Type", type);
	http_reply_with(req, status,
			MHD_create_response_from_fd_at_offset64(n, fd, at),
			REQUEST_ANSWERED);
}

static void reply_file_part(struct http_request *req, const char *type, int fd,
			    uint64_t at, uint64_t n,
			    const struct byte_range *range)
{
	auto_free char *text = xasprintf("bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
					 range->first, range->last, n);

	http_reply_header(req, CONTENT_RANGE, text);
	reply_file_send(req, 206, type, fd, at + range->first,
			range->last - range->first + 1);
}

static void reply_file_outside(struct http_request *req, int fd, uint64_t n)
{
	auto_free char *text = xasprintf("bytes */%" PRIu64, n);

	fd_close(fd);
	http_reply_header(req, CONTENT_RANGE, text);
	http_reply_refuse(req, 416, "The range is beyond the end of the file.");
}

/* A range is only defined for GET, and only of what the client has a part of. */
static enum byte_range_kind reply_file_range(struct http_request *req,
					     const char *tag, uint64_t n,
					     struct byte_range *ret)
{
	if (!str_eq(req->method, "GET") ||
	    !byte_range_if_range(http_request_header(req, "If-Range"), tag))
		return BYTE_RANGE_WHOLE;
	return byte_range_parse(http_request_header(req, "Range"), n, ret);
}

void http_reply_file(struct http_request *req, const char *type,
		     const char *tag, int fd, uint64_t n)
{
	auto_free char *etag = tag ? xasprintf("\"%s\"", tag) : NULL;
	off_t pos = lseek(fd, 0, SEEK_CUR);
	uint64_t at = pos > 0 ? (uint64_t)pos : 0;
	struct byte_range range;
	enum byte_range_kind kind;

	if (req->phase == REQUEST_GONE) {
		fd_close(fd);
		return;
	}
	http_reply_header(req, "Accept-Ranges", "bytes");
	if (etag)
		http_reply_header(req, "ETag", etag);
	if (byte_range_none_match(http_request_header(req, "If-None-Match"),
				  tag)) {
		/* Not sent; but the length has to be that of the file. */
		reply_file_send(req, 304, NULL, fd, at, n);
		return;
	}
	kind = reply_file_range(req, tag, n, &range);
	if (kind == BYTE_RANGE_WHOLE)
		reply_file_send(req, 200, type, fd, at, n);
	else if (kind == BYTE_RANGE_PART)
		reply_file_part(req, type, fd, at, n, &range);
	else
		reply_file_outside(req, fd, n);
}
