/*
 * stream.c - answers of unknown length. Bytes wait here until libmicrohttpd
 * asks for them; a connection with nothing to send is suspended.
 */
#include "http/request.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define STREAM_BLOCK_BYTES 1024		/* what libmicrohttpd keeps for each stream */
#define STREAM_PIECE_BYTES 4096		/* given to it at a time, mostly */
#define STREAM_IDLE_BYTES 1024		/* kept for the next write, at most */
#define STREAM_UNSENT_BYTES (128 * 1024)	/* in the kernel */
#define STREAM_FULL_BYTES 65536		/* waiting: pieces may be as big as they can */

size_t http_stream_pending(const struct http_request *req)
{
	return req->out.len - req->out_at;
}

static ssize_t on_stream_read(void *cls, uint64_t pos, char *out, size_t max)
{
	struct http_request *req = cls;
	size_t n = http_stream_pending(req);

	if (req->phase == REQUEST_GONE || req->phase == REQUEST_CUT)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n) {
		/* Small pieces touch few pages of a connection's own memory. */
		if (n < STREAM_FULL_BYTES && max > STREAM_PIECE_BYTES)
			max = STREAM_PIECE_BYTES;
		n = n < max ? n : max;
		memcpy(out, req->out.data + req->out_at, n);
		req->out_at += n;
		if (req->out_at == req->out.len) {
			req->out_at = 0;
			buf_clear(&req->out);
			if (req->out.cap > STREAM_IDLE_BYTES)
				buf_deinit(&req->out);
		}
		return (ssize_t)n;
	}
	if (req->phase == REQUEST_ANSWERED)
		return MHD_CONTENT_READER_END_OF_STREAM;
	http_request_suspend(req);
	return 0;
}

void http_stream_begin(struct http_request *req, int status, const char *type)
{
	int unsent = STREAM_UNSENT_BYTES;

	/* Without it the kernel takes 4 MB for each client that does not read. The
	 * Unix socket has no such thing, and less room. */
	setsockopt(req->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	if (type)
		http_reply_header(req, "Content-Type", type);
	http_reply_with(req, status,
			MHD_create_response_from_callback(
				MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES,
				on_stream_read, req, NULL),
			REQUEST_STREAM);
}

/* The program learns it by on_gone, from the loop: here it still holds the
 * request. A full socket gives libmicrohttpd no event, so it is shut down. */
static void stream_cut(struct http_request *req)
{
	req->phase = REQUEST_CUT;
	req->out_at = 0;
	buf_deinit(&req->out);
	shutdown(req->fd, SHUT_RDWR);
	http_request_resume(req);
}

void http_stream_write(struct http_request *req, const void *data, size_t n)
{
	if (req->phase != REQUEST_STREAM || !n)
		return;
	if (http_stream_pending(req) + n > HTTP_STREAM_MAX) {
		stream_cut(req);
		return;
	}
	if (req->out_at > HTTP_STREAM_MAX / 2) {
		buf_consume(&req->out, req->out_at);
		req->out_at = 0;
	}
	buf_add(&req->out, data, n);
	/* Before the head is queued there is nobody who would ask. */
	if (req->queued)
		http_request_resume(req);
}

void http_stream_end(struct http_request *req)
{
	if (req->phase != REQUEST_STREAM)
		return;
	req->phase = REQUEST_ANSWERED;
	if (req->queued)
		http_request_resume(req);
}
