/*
 * dial.c - one connection, step by step: the addresses of a name, one after the other,
 * a tunnel through the proxy, TLS, the upgrade. What a step does not need is left out.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/loop.h"
#include "http/client.h"
#include "http/lookup.h"
#include "http/tls_pipe.h"
#include "manager/model/address.h"
#include "manager/upstream/dial.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define HEAD_MAX 16384
#define TIMEOUT_USEC (10 * USEC_PER_SEC)

enum dial_step {
	DIAL_CONNECT,			/* TCP, whose name is looked up first, or unix */
	DIAL_TUNNEL,			/* CONNECT, to the proxy */
	DIAL_TLS,
	DIAL_UPGRADE,
};

struct dial {
	sd_event *event;		/* borrowed */
	const struct http_client_spec *upstream;
	char *path, *protocol;
	struct address place;		/* upstream's; no host: a unix socket */
	struct lookup *lookup;		/* of upstream's name or the proxy's */
	const struct addrinfo *next;	/* of its addresses: to be tried */
	bool tls;
	enum dial_step step;
	int fd;
	struct tls_pipe *pipe;		/* the other end of fd */
	sd_event_source *source, *timer;
	struct buf out, in;
	char message[ERROR_MSG_MAX];
	void (*fn)(const struct dial_result *res, void *userdata);
	void *userdata;
};

static void dial_begin(struct dial *d, enum dial_step step);
static int dial_next(struct dial *d, struct error *e);

/* ---- the end ---- */

static void dial_done(struct dial *d, int status, size_t head)
{
	struct dial_result res = {
		.status = status, .message = d->message, .fd = -1,
		.early = buf_str(&d->in) + head, .n_early = d->in.len - head,
	};

	d->source = loop_unref(d->source);
	d->timer = loop_unref(d->timer);
	if (status == 101) {
		res.fd = take_fd(d->fd);
		if (d->pipe)
			tls_pipe_detach(take_ptr(d->pipe));
	}
	d->fn(&res, d->userdata);
}

static void dial_failed(struct dial *d, const char *what, int err)
{
	snprintf(d->message, sizeof(d->message), "%s%s%s", what,
		 err ? ": " : "", err ? strerror(err) : "");
	dial_done(d, 0, d->in.len);
}

/* ---- answers ---- */

static void dial_answered(struct dial *d, int status, size_t head)
{
	if (d->step == DIAL_TUNNEL) {
		if (status / 100 != 2) {
			snprintf(d->message, sizeof(d->message),
				 "the proxy answers %d", status);
			dial_done(d, 0, d->in.len);
		} else {
			buf_consume(&d->in, head);
			dial_begin(d, d->tls ? DIAL_TLS : DIAL_UPGRADE);
		}
		return;
	}
	if (status != 101)
		snprintf(d->message, sizeof(d->message), "upstream answers %d",
			 status);
	dial_done(d, status, head);
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
		dial_failed(d, d->step == DIAL_TUNNEL
			    ? "the proxy closed the connection"
			    : "upstream closed the connection", n < 0 ? errno : 0);
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
	dial_answered(d, status, (size_t)(end - d->in.data) + 4);
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

	if (d->step != DIAL_CONNECT) {
		if (d->out.len)
			dial_write(d);
		else
			dial_read(d);
		return 0;
	}
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err && d->next && dial_next(d, NULL) >= 0)
		return 0;
	if (err)
		dial_failed(d, d->upstream->proxy ? "cannot reach the proxy"
			    : "cannot reach upstream", err);
	else
		dial_begin(d, d->upstream->proxy && d->place.host ? DIAL_TUNNEL
			   : d->tls ? DIAL_TLS : DIAL_UPGRADE);
	return 0;
}

static int on_dial_timeout(sd_event_source *src, uint64_t usec, void *userdata)
{
	dial_failed(userdata, "upstream does not answer", 0);
	return 0;
}

/* ---- steps ---- */

static void on_dial_tls(struct tls_pipe *p, void *userdata)
{
	struct dial *d = userdata;
	struct error e;

	d->fd = tls_pipe_open(p, &e);
	if (d->fd < 0)
		dial_failed(d, e.msg, 0);
	else
		dial_begin(d, DIAL_UPGRADE);
}

static void on_dial_tls_end(struct tls_pipe *p, const struct error *e,
			    void *userdata)
{
	dial_failed(userdata, e ? e->msg : "upstream closed the connection", 0);
}

static int dial_tls(struct dial *d, struct error *e)
{
	const struct http_client_spec *u = d->upstream;
	auto_(tls_creds_unref_p) struct tls_creds *creds = NULL;
	struct tls_pipe_spec spec = {
		.event = d->event, .host = d->place.host,
		.on_ready = on_dial_tls, .on_end = on_dial_tls_end, .userdata = d,
	};
	int r = tls_creds_load(&creds, &(struct tls_creds_spec){
		.cert_file = u->cert_file, .key_file = u->key_file,
		.ca_file = u->ca_file,
	}, e);

	if (r < 0)
		return r;
	if (d->in.len)
		return error_set(e, EPROTO, "the proxy sends more than an answer");
	d->source = loop_unref(d->source);
	spec.creds = creds;
	spec.fd = take_fd(d->fd);
	return tls_pipe_new(&d->pipe, &spec, e);
}

static int dial_watch(struct dial *d, struct error *e)
{
	int r;

	d->source = loop_unref(d->source);
	r = sd_event_add_io(d->event, &d->source, d->fd, EPOLLOUT, on_dial, d);
	if (r < 0)
		return error_ret(e, r, "watch a connection");
	sd_event_source_set_description(d->source, "dial");
	return 0;
}

static void dial_head(struct dial *d)
{
	const struct address *to = &d->place;
	bool v6 = to->host && strchr(to->host, ':');
	auto_free char *name = to->host
		? xasprintf("%s%s%s:%s", v6 ? "[" : "", to->host, v6 ? "]" : "",
			    to->port) : xstrdup("localhost");

	if (d->step == DIAL_TUNNEL) {
		buf_addf(&d->out, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", name,
			 name);
		return;
	}
	buf_addf(&d->out, "GET %s HTTP/1.1\r\nHost: %s\r\n"
		 "Connection: Upgrade\r\nUpgrade: %s\r\n", d->path, name,
		 d->protocol);
	if (d->upstream->token)
		buf_addf(&d->out, "Authorization: Bearer %s\r\n",
			 d->upstream->token);
	buf_adds(&d->out, "\r\n");
}

static void dial_begin(struct dial *d, enum dial_step step)
{
	struct error e;
	int r;

	d->step = step;
	if (step == DIAL_TLS) {
		r = dial_tls(d, &e);
	} else {
		dial_head(d);
		r = dial_watch(d, &e);
	}
	if (r < 0)
		dial_failed(d, e.msg, 0);
}

/* ---- connect ---- */

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

/* Connect to the next address, or the one behind it. */
static int dial_next(struct dial *d, struct error *e)
{
	int r = -EHOSTUNREACH;

	d->source = loop_unref(d->source);
	while (d->next && r < 0) {
		const struct addrinfo *to = d->next;

		d->next = to->ai_next;
		d->fd = fd_close(d->fd);
		r = dial_connect(d, to->ai_addr, to->ai_addrlen, e);
	}
	return r < 0 ? r : dial_watch(d, e);
}

static void on_dial_found(const struct lookup_result *res, void *userdata)
{
	struct dial *d = userdata;
	struct error e;

	if (!res->list) {
		snprintf(d->message, sizeof(d->message), "cannot find %s: %s",
			 d->upstream->proxy ? "the proxy" : d->place.host, res->message);
		dial_done(d, 0, d->in.len);
		return;
	}
	d->next = res->list;
	if (dial_next(d, &e) < 0)
		dial_failed(d, e.msg, 0);
}

static int dial_tcp(struct dial *d, const struct address *to, struct error *e)
{
	return lookup_new(&d->lookup, d->event, to->host, to->port, on_dial_found, d, e);
}

static int dial_start(struct dial *d, struct error *e)
{
	auto_(address_deinit) struct address proxy = { NULL, NULL };
	const char *base = d->upstream->base, *rest;

	if ((rest = str_after(base, "unix:"))) {
		int r = dial_unix(d, rest, e);

		return r < 0 ? r : dial_watch(d, e);
	}
	if ((rest = str_after(base, "https://")))
		d->tls = true;
	else
		rest = str_after(base, "http://");
	if (!rest)
		return error_set(e, EPROTONOSUPPORT, "%s: cannot attach over this "
				 "kind of address", base);
	address_parse(&d->place, rest, d->tls ? "443" : "80");
	if (!d->upstream->proxy)
		return dial_tcp(d, &d->place, e);
	rest = str_after(d->upstream->proxy, "http://");
	address_parse(&proxy, rest ? rest : d->upstream->proxy, "3128");
	return dial_tcp(d, &proxy, e);
}

/* ---- life ---- */

int dial_new(struct dial **ret, sd_event *event, const struct dial_spec *spec,
	     void (*fn)(const struct dial_result *res, void *userdata),
	     void *userdata, struct error *e)
{
	auto_(dial_free_p) struct dial *d = xcalloc(1, sizeof(*d));
	int r;

	d->event = event;
	d->upstream = spec->upstream;
	d->path = xstrdup(spec->path);
	d->protocol = xstrdup(spec->protocol);
	d->fd = -1;
	d->fn = fn;
	d->userdata = userdata;
	r = dial_start(d, e);
	if (r >= 0)
		r = loop_deadline(event, &d->timer, TIMEOUT_USEC, on_dial_timeout,
				  d, "dial time-out", e);
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
	lookup_free(d->lookup);
	tls_pipe_free(d->pipe);
	fd_close(d->fd);
	address_deinit(&d->place);
	buf_deinit(&d->out);
	buf_deinit(&d->in);
	free(d->path);
	free(d->protocol);
	free(d);
	return NULL;
}
