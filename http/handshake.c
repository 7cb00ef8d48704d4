/*
 * handshake.c - the client's side of an upgrade. libcurl gives its sockets
 * away with difficulty only, so this is a socket and a small parser of the
 * answer's head: bounded, and with one time-out for the whole of it. With https
 * the socket is plain all the same: see handshake_tls.c.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/sock.h"
#include "http/call.h"
#include "http/handshake_tcp.h"
#include "http/handshake_tls.h"
#include "http/json.h"

#include <poll.h>
#include <stdio.h>
#include <strings.h>

#define HANDSHAKE_USEC (30 * USEC_PER_SEC)
#define HANDSHAKE_HEAD_MAX 16384
#define HANDSHAKE_BODY_MAX 16384

struct handshake {
	const char *name;		/* for messages */
	int fd;
	uint64_t deadline;
	struct buf in;			/* all that came */
};

/* ---- connect ---- */

static int handshake_https(struct handshake *h, const struct http_client *c,
			   const char *authority, struct error *e)
{
	auto_free char *host = NULL;
	int r = handshake_tcp(authority, "443", h->deadline, &host, e);

	if (r < 0)
		return r;
	r = handshake_tls(r, &(struct handshake_tls){
		.host = host, .deadline = h->deadline, .creds = {
			.ca_file = c->ca_file, .cert_file = c->cert_file,
			.key_file = c->key_file,
		} }, e);
	if (r < 0)
		return error_prefix(e, r, "connect to %s", h->name);
	h->fd = r;
	return 0;
}

static int handshake_connect(struct handshake *h, const struct http_client *c,
			     struct error *e)
{
	const char *authority = str_after(c->base, "http://");
	auto_free char *host = NULL;

	if (c->unix_path) {
		h->fd = sock_connect_unix(c->unix_path, SOCK_STREAM, e);
		return h->fd < 0 ? h->fd : file_set_nonblock(h->fd, true, e);
	}
	if (!authority)
		return handshake_https(h, c, str_after(c->base, "https://"), e);
	h->fd = handshake_tcp(authority, "80", h->deadline, &host, e);
	return h->fd < 0 ? h->fd : 0;
}

/* ---- talk ---- */

static int handshake_send(struct handshake *h, const struct buf *b,
			  struct error *e)
{
	size_t at = 0;

	while (at < b->len) {
		ssize_t n = send(h->fd, b->data + at, b->len - at, MSG_NOSIGNAL);
		int r = 0;

		if (n > 0)
			at += (size_t)n;
		else if (errno == EAGAIN)
			r = handshake_poll(h->fd, POLLOUT, h->deadline, h->name, e);
		else if (errno != EINTR)
			r = error_sys(e, "send to %s", h->name);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Reads what is there. 1: the peer has closed. */
static int handshake_recv(struct handshake *h, struct error *e)
{
	char chunk[4096];

	for (;;) {
		ssize_t n = recv(h->fd, chunk, sizeof(chunk), 0);
		int r;

		if (n == 0)
			return 1;
		if (n > 0) {
			buf_add(&h->in, chunk, (size_t)n);
			return 0;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return error_sys(e, "receive from %s", h->name);
		r = handshake_poll(h->fd, POLLIN, h->deadline, h->name, e);
		if (r < 0)
			return r;
	}
}

/* Reads until the head is complete; *ret_end is where the rest begins. */
static int handshake_head(struct handshake *h, size_t *ret_end, struct error *e)
{
	for (;;) {
		const char *end = h->in.len ? memmem(h->in.data, h->in.len,
						     "\r\n\r\n", 4) : NULL;
		int r;

		if (end) {
			*ret_end = (size_t)(end - h->in.data) + 4;
			return 0;
		}
		if (h->in.len > HANDSHAKE_HEAD_MAX)
			return error_set(e, EMSGSIZE, "%s: the answer's head is "
					 "too long", h->name);
		r = handshake_recv(h, e);
		if (r < 0)
			return r;
		if (r > 0)
			return error_set(e, ECONNRESET, "%s: closed without an "
					 "answer", h->name);
	}
}

/* The value of a header in the n bytes of the head; the caller frees. */
static char *handshake_header(const char *head, size_t n, const char *name)
{
	size_t name_n = strlen(name);
	const char *end = head + n, *line = head;

	while (line < end) {
		const char *eol = memmem(line, (size_t)(end - line), "\r\n", 2);

		if (!eol)
			return NULL;
		if ((size_t)(eol - line) > name_n && line[name_n] == ':' &&
		    strncasecmp(line, name, name_n) == 0) {
			line += name_n + 1;
			while (line < eol && (*line == ' ' || *line == '\t'))
				line++;
			return xstrndup(line, (size_t)(eol - line));
		}
		line = eol + 2;
	}
	return NULL;
}

/* The server said no: its "message" is the best explanation there is. */
static int handshake_refused(struct handshake *h, size_t head, int status,
			     struct error *e)
{
	auto_free char *length = handshake_header(h->in.data, head,
						  "Content-Length");
	size_t want = length ? strtoul(length, NULL, 10) : 0;
	auto_json *body = NULL;
	const char *message;
	int r = 0;

	want = want < HANDSHAKE_BODY_MAX ? want : HANDSHAKE_BODY_MAX;
	while (r == 0 && h->in.len - head < want)
		r = handshake_recv(h, NULL);
	if (json_parse(h->in.data + head, h->in.len - head, &body, NULL) < 0)
		body = NULL;
	message = json_str(body, "message");
	return error_set(e, status == 404 ? ENOENT : EPROTO, "%s: %s (HTTP %d)",
			 h->name, message ? message : "refused", status);
}

static int handshake_run(struct handshake *h, const struct http_client *c,
			 const char *path, const char *protocol,
			 struct buf *early, struct error *e)
{
	auto_buf head = BUF_INIT;
	const char *authority = strstr(c->base, "://") + 3;
	size_t end = 0;
	int r, status;

	r = handshake_connect(h, c, e);
	if (r < 0)
		return r;
	buf_addf(&head, "GET %s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: %s\r\n"
		 "Connection: Upgrade\r\nUpgrade: %s\r\n", path,
		 (int)strcspn(authority, "/"), authority, c->user_agent,
		 protocol);
	if (c->token)
		buf_addf(&head, "Authorization: Bearer %s\r\n", c->token);
	buf_adds(&head, "\r\n");
	r = handshake_send(h, &head, e);
	if (r >= 0)
		r = handshake_head(h, &end, e);
	if (r < 0)
		return r;
	if (sscanf(h->in.data, "HTTP/1.%*1d %3d", &status) != 1)
		return error_set(e, EPROTO, "%s: does not speak HTTP", h->name);
	if (status != 101)
		return handshake_refused(h, end, status, e);
	buf_add(early, h->in.data + end, h->in.len - end);
	return 0;
}

int http_client_upgrade(struct http_client *c, const char *path,
			const char *protocol, int *ret_fd, struct buf *early,
			struct error *e)
{
	struct handshake h = {
		.name = c->name, .fd = -1, .in = BUF_INIT,
		.deadline = clock_mono_usec() + HANDSHAKE_USEC,
	};
	int r;

	r = handshake_run(&h, c, path, protocol, early, e);
	if (r >= 0)
		r = file_set_nonblock(h.fd, false, e);
	if (r >= 0)
		*ret_fd = h.fd;
	else
		fd_close(h.fd);
	buf_deinit(&h.in);
	return r;
}
