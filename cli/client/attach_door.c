/*
 * attach_door.c - find a door, knock with the secret.
 */
#include "cli/client/attach_door.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/client/api.h"
#include "cli/client/frame.h"
#include "http/client.h"
#include "http/handshake_tls.h"

#include <poll.h>
#include <sys/socket.h>

/* The dyno waits for half a minute: find out soon that nobody is there. */
#define DOOR_USEC (8 * USEC_PER_SEC)
#define DOOR_LINE_MAX 1024

/* ---- the rendezvous port ---- */

/* Bytes until the end of the first line, at least one more than there were. */
static int door_read(int fd, uint64_t deadline, struct buf *in, struct error *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t now = clock_mono_usec();
	char chunk[4096];
	ssize_t n;

	if (now >= deadline ||
	    poll(&p, 1, (int)((deadline - now) / USEC_PER_MSEC) + 1) == 0)
		return error_set(e, ECONNRESET, "no answer in time");
	n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return error_set(e, ECONNRESET, "closed without an answer");
	buf_add(in, chunk, (size_t)n);
	return 0;
}

/* "rendezvous", or "refused: " and why. Behind the line: early. */
static int door_answer(int fd, uint64_t deadline, struct buf *early, struct error *e)
{
	const char *end = NULL, *why;
	int r;

	while (!end) {
		if (early->len > DOOR_LINE_MAX)
			return error_set(e, EPROTO, "the answer is too long");
		r = door_read(fd, deadline, early, e);
		if (r < 0)
			return r;
		end = memchr(buf_str(early), '\n', early->len);
	}
	why = str_after(early->data, "refused: ");
	if (why)
		return error_set(e, ENOENT, "%.*s", (int)strcspn(why, "\r\n"), why);
	if (!str_after(early->data, "rendezvous\r\n"))
		return error_set(e, EPROTO, "the answer cannot be understood");
	buf_consume(early, (size_t)(end - early->data) + 1);
	return 0;
}

static int door_knock(int fd, const char *secret, uint64_t deadline, struct buf *early,
		      struct error *e)
{
	auto_free char *line = xasprintf("%s\n", secret);

	/* It fits into an empty socket. */
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line))
		return error_set(e, ECONNRESET, "the connection was lost");
	return door_answer(fd, deadline, early, e);
}

static int door_port(struct attach_door *d, const char *place, const char *ca_file,
		     int *ret_fd, struct buf *early, struct error *e)
{
	auto_free char *authority = xstrndup(place, strcspn(place, "/"));
	const char *secret = place + strlen(authority) + 1;
	struct handshake_tls spec = {
		.protocol = FRAME_PROTOCOL, .deadline = clock_mono_usec() + DOOR_USEC,
		.creds = { .ca_file = ca_file },
	};
	auto_close int fd = handshake_tls_dial(authority, &spec, e);
	int r;

	if (fd < 0)
		return error_prefix(e, fd, "rendezvous port");
	d->kind = ATTACH_DOOR_PORT;
	r = door_knock(fd, secret, spec.deadline, early, e);
	if (r < 0)
		return error_prefix(e, r, "%s", authority);
	*ret_fd = take_fd(fd);
	return 0;
}

/* ---- the API ---- */

/* rendezvous://HOST:PORT/SECRET: of that only the secret is for us. */
static int door_api(struct attach_door *d, const char *secret, int *ret_fd,
		    struct buf *early, struct error *e)
{
	auto_free char *path = xasprintf("/attach/%s", secret);
	struct http_client *client;
	int r = api_client(d->cli, &client, e);

	if (r == 0)
		r = http_client_upgrade(client, path, FRAME_PROTOCOL, ret_fd, early, e);
	if (r == 0)
		d->kind = ATTACH_DOOR_API;
	return r;
}

/* ---- which ---- */

/* Whom the port has to show is known; *ca: the file, NULL: the system's. */
static bool door_can_verify(const struct api_address *a)
{
	return str_after(a->base, "https://") ||
	       (str_after(a->base, "http://") && a->ca_file);
}

int attach_door_connect(struct attach_door *d, int *ret_fd, struct buf *early,
			struct error *e)
{
	auto_(api_address_deinit) struct api_address address = API_ADDRESS_INIT;
	const char *place = d->url ? strstr(d->url, "://") : NULL;
	const char *slash = place ? strchr(place + 3, '/') : NULL;
	int r;

	if (!slash || !slash[1])
		return error_set(e, EPROTO, "the answer to \"run\" has no attach_url");
	r = api_address_find(&address, d->cli, e);
	if (r < 0)
		return r;
	if (d->kind != ATTACH_DOOR_API && str_after(d->url, "rendezvous://") &&
	    door_can_verify(&address)) {
		r = door_port(d, place + 3, address.ca_file, ret_fd, early, e);
		if (r == 0 || d->kind == ATTACH_DOOR_PORT || r == -EACCES ||
		    r == -ECONNRESET)
			return r;
	}
	return door_api(d, slash + 1, ret_fd, early, e);
}
