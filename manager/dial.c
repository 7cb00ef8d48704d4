/* dial.c - a few states of one socket. */
#include "base/buf.h"
#include "base/error.h"
#include "base/loop.h"
#include "manager/dial.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define HEAD_MAX 16384
#define TIMEOUT_USEC (10 * USEC_PER_SEC)

struct dial {
	int fd;
	sd_event_source *source, *timer;
	struct buf out, in;
	char message[ERROR_MSG_MAX];
	void (*fn)(const struct dial_result *res, void *userdata);
	void *userdata;
};

static void dial_done(struct dial *d, int status, size_t head)
{
	struct dial_result res = {
		.status = status, .message = d->message, .fd = -1,
		.early = buf_str(&d->in) + head, .n_early = d->in.len - head,
	};

	d->source = loop_unref(d->source);
	d->timer = loop_unref(d->timer);
	if (status == 101)
		res.fd = take_fd(d->fd);
	d->fn(&res, d->userdata);
}

static void dial_failed(struct dial *d, const char *what, int err)
{
	snprintf(d->message, sizeof(d->message), "%s%s%s", what,
		 err ? ": " : "", err ? strerror(err) : "");
	dial_done(d, 0, d->in.len);
}

static void dial_read(struct dial *d)
{
	const char *end;
	int status = 0;
	ssize_t n;

	buf_reserve(&d->in, HEAD_MAX);
	n = read(d->fd, d->in.data + d->in.len, HEAD_MAX);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		dial_failed(d, "upstream closed the connection", n < 0 ? errno : 0);
		return;
	}
	d->in.len += (size_t)n;
	d->in.data[d->in.len] = '\0';
	end = strstr(d->in.data, "\r\n\r\n");
	if (!end) {
		if (d->in.len > HEAD_MAX)
			dial_failed(d, "upstream's answer is too long", 0);
		return;
	}
	if (sscanf(d->in.data, "HTTP/1.%*1d %3d", &status) != 1) {
		dial_failed(d, "upstream does not speak HTTP", 0);
		return;
	}
	if (status != 101)
		snprintf(d->message, sizeof(d->message), "upstream answers %d", status);
	dial_done(d, status, (size_t)(end - d->in.data) + 4);
}

static void dial_write(struct dial *d)
{
	ssize_t n = send(d->fd, d->out.data, d->out.len, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN))
		return;
	if (n < 0) {
		dial_failed(d, "cannot reach upstream", errno);
		return;
	}
	buf_consume(&d->out, (size_t)n);
	if (d->out.len == 0)
		sd_event_source_set_io_events(d->source, EPOLLIN);
}

static int on_dial(sd_event_source *src, int fd, uint32_t revents, void *userdata)
{
	struct dial *d = userdata;
	socklen_t len = sizeof(int);
	int err = 0;

	if (d->out.len == 0) {
		dial_read(d);
		return 0;
	}
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err)
		dial_failed(d, "cannot reach upstream", err);
	else
		dial_write(d);
	return 0;
}

static int on_dial_timeout(sd_event_source *src, uint64_t usec, void *userdata)
{
	dial_failed(userdata, "upstream does not answer", 0);
	return 0;
}

static int dial_connect(struct dial *d, const struct sockaddr *addr,
			socklen_t len, struct error *e)
{
	int one = 1;

	d->fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0)
		return error_sys(e, "create a socket");
	if (addr->sa_family != AF_UNIX)
		setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(d->fd, addr, len) < 0 && errno != EINPROGRESS)
		return error_sys(e, "connect to upstream");
	return 0;
}

static int dial_unix(struct dial *d, const char *path, struct error *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(addr.sun_path))
		return error_set(e, ENAMETOOLONG, "socket path %s is too long", path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	return dial_connect(d, (struct sockaddr *)&addr, sizeof(addr), e);
}

static int dial_tcp(struct dial *d, const char *authority, struct error *e)
{
	auto_free char *host = xstrndup(authority, strcspn(authority, "/"));
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	char *colon = strrchr(host, ':'), *name = host;
	int r;

	if (colon && !strchr(colon, ']'))
		*colon++ = '\0';
	else
		colon = NULL;
	if (name[0] == '[') {
		name++;
		name[strcspn(name, "]")] = '\0';
	}
	r = getaddrinfo(name, colon ? colon : "80", &hints, &list);
	if (r)
		return error_set(e, EHOSTUNREACH, "look up %s: %s", name,
				 gai_strerror(r));
	r = dial_connect(d, list->ai_addr, list->ai_addrlen, e);
	freeaddrinfo(list);
	return r;
}

int dial_new(struct dial **ret, sd_event *event, const struct dial_spec *spec,
	     void (*fn)(const struct dial_result *res, void *userdata),
	     void *userdata, struct error *e)
{
	auto_(dial_free_p) struct dial *d = xcalloc(1, sizeof(*d));
	const char *rest;
	int r;

	d->fd = -1;
	d->fn = fn;
	d->userdata = userdata;
	if ((rest = str_after(spec->base, "unix:")))
		r = dial_unix(d, rest, e);
	else if ((rest = str_after(spec->base, "http://")))
		r = dial_tcp(d, rest, e);
	else
		r = error_set(e, EPROTONOSUPPORT, "%s: cannot attach over this kind "
			      "of address", spec->base);
	if (r < 0)
		return r;
	buf_addf(&d->out, "GET %s HTTP/1.1\r\nHost: localhost\r\n"
		 "Connection: Upgrade\r\nUpgrade: %s\r\n", spec->path, spec->protocol);
	if (spec->token)
		buf_addf(&d->out, "Authorization: Bearer %s\r\n", spec->token);
	buf_adds(&d->out, "\r\n");

	r = sd_event_add_io(event, &d->source, d->fd, EPOLLOUT, on_dial, d);
	if (r < 0)
		return error_ret(e, r, "watch a connection");
	sd_event_source_set_description(d->source, "dial");
	r = loop_deadline(event, &d->timer, TIMEOUT_USEC, on_dial_timeout, d,
			  "dial time-out", e);
	if (r < 0)
		return r;
	*ret = take_ptr(d);
	return 0;
}

struct dial *dial_free(struct dial *d)
{
	if (!d)
		return NULL;
	d->source = loop_unref(d->source);
	d->timer = loop_unref(d->timer);
	fd_close(d->fd);
	buf_deinit(&d->out);
	buf_deinit(&d->in);
	free(d);
	return NULL;
}
