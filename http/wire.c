/*
 * wire.c - libcurl's CONNECT_ONLY.
 */
#include "http/call.h"
#include "http/wire.h"

int wire_fd(struct http_call *call)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (!call->wire ||
	    curl_easy_getinfo(call->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK)
		return -1;
	return fd == CURL_SOCKET_BAD ? -1 : fd;
}

static ssize_t wire_result(CURLcode code, size_t n, const char *what,
			   struct error *e)
{
	if (code == CURLE_OK)
		return (ssize_t)n;
	if (code == CURLE_AGAIN)
		return -EAGAIN;
	return error_set(e, ECONNRESET, "%s: %s", what, curl_easy_strerror(code));
}

ssize_t wire_send(struct http_call *call, const void *data, size_t n,
		  struct error *e)
{
	size_t done = 0;
	CURLcode code = curl_easy_send(call->easy, data, n, &done);

	return wire_result(code, done, "send", e);
}

ssize_t wire_recv(struct http_call *call, void *data, size_t n, struct error *e)
{
	size_t done = 0;
	CURLcode code = curl_easy_recv(call->easy, data, n, &done);

	return wire_result(code, done, "receive", e);
}
