/*
 * tls_listener.c - accept, shake hands in bounded number and time, hand over.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/loop.h"
#include "http/tls_listener.h"
#include "http/tls_pipe.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#define UNSENT_BYTES (128 * 1024)	/* in the kernel, of a peer that does not read */
#define TICK_USEC (USEC_PER_SEC / 2)

struct tls_listener {
	sd_event *event;		/* borrowed */
	int fd;
	struct tls_identity *id;	/* borrowed */
	tls_listener_open_fn fn;
	void *userdata;
	sd_event_source *accept, *tick;
	struct list conns;		/* that are open, the newest first */
	struct list strangers;		/* that shake hands, the oldest first */
	size_t n_strangers;
};

struct tls_conn_in {
	struct list link;
	struct tls_listener *l;
	struct tls_pipe *pipe;
	uint64_t came;			/* monotonic usec */
	bool open;
	int handed_fd;			/* its number, not ours */
	struct sockaddr_storage addr;
	socklen_t addr_len;
	char *name, *fault;
};

static void listener_arm(struct tls_listener *l)
{
	sd_event_source_set_enabled(l->accept, l->n_strangers < TLS_HANDSHAKES_MAX
				    ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void conn_free(struct tls_conn_in *c)
{
	struct tls_listener *l = c->l;

	if (!c->open)
		l->n_strangers--;
	list_unlink(&c->link);
	tls_pipe_free(c->pipe);
	free(c->name);
	free(c->fault);
	free(c);
	listener_arm(l);
}

static void on_conn_ready(struct tls_pipe *p, void *userdata)
{
	struct tls_conn_in *c = userdata;
	struct tls_listener *l = c->l;
	int fd = tls_pipe_open(p, NULL);

	if (fd < 0) {
		conn_free(c);
		return;
	}
	tls_creds_peer(tls_pipe_session(p), &c->name, &c->fault);
	c->open = true;
	c->handed_fd = fd;
	l->n_strangers--;
	list_unlink(&c->link);
	list_add_tail(l->conns.next, &c->link);	/* in front */
	listener_arm(l);
	l->fn(fd, (struct sockaddr *)&c->addr, c->addr_len, l->userdata);
}

static void on_conn_end(struct tls_pipe *p, const struct error *e, void *userdata)
{
	conn_free(userdata);
}

static void listener_take(struct tls_listener *l, int fd,
			  const struct sockaddr_storage *addr, socklen_t len)
{
	auto_(tls_creds_unref_p) struct tls_creds *creds =
		tls_identity_creds(l->id);
	struct tls_conn_in *c = xcalloc(1, sizeof(*c));
	struct tls_pipe_spec spec = {
		.event = l->event, .fd = fd, .creds = creds,
		.on_ready = on_conn_ready, .on_end = on_conn_end, .userdata = c,
	};
	int one = 1, unsent = UNSENT_BYTES;

	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->l = l;
	c->came = clock_mono_usec();
	c->addr = *addr;
	c->addr_len = len;
	l->n_strangers++;
	list_add_tail(&l->strangers, &c->link);
	if (tls_pipe_new(&c->pipe, &spec, NULL) < 0)
		conn_free(c);
}

static void listener_tick_later(struct tls_listener *l);

static int on_listener_tick(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct tls_listener *l = userdata;
	uint64_t sec = l->n_strangers < TLS_HANDSHAKES_MAX
		       ? TLS_HANDSHAKE_SEC : TLS_HANDSHAKE_CROWDED_SEC;
	uint64_t now = clock_mono_usec();
	struct tls_conn_in *c, *next;

	list_for_each_safe(c, next, &l->strangers, link) {
		if (c->came + sec * USEC_PER_SEC > now)
			break;
		conn_free(c);
	}
	l->tick = loop_unref(l->tick);
	listener_arm(l);
	if (l->n_strangers)
		listener_tick_later(l);
	return 0;
}

static void listener_tick_later(struct tls_listener *l)
{
	if (!l->tick)
		loop_deadline(l->event, &l->tick, TICK_USEC, on_listener_tick, l,
			      "TLS handshakes", NULL);
}

static int on_listener_accept(sd_event_source *src, int listen_fd,
			      uint32_t revents, void *userdata)
{
	struct tls_listener *l = userdata;
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);
	int fd = accept4(listen_fd, (struct sockaddr *)&addr, &len,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		listener_take(l, fd, &addr, len);
		listener_arm(l);
	} else if (errno == EMFILE || errno == ENFILE) {
		/* It stays readable: look again when there may be room. */
		sd_event_source_set_enabled(l->accept, SD_EVENT_OFF);
	}
	listener_tick_later(l);
	return 0;
}

int tls_listener_new(struct tls_listener **ret, sd_event *event, int listen_fd,
		     struct tls_identity *id, tls_listener_open_fn fn,
		     void *userdata, struct error *e)
{
	struct tls_listener *l = xcalloc(1, sizeof(*l));
	int r;

	l->event = event;
	l->fd = listen_fd;
	l->id = id;
	l->fn = fn;
	l->userdata = userdata;
	list_init(&l->conns);
	list_init(&l->strangers);
	r = sd_event_add_io(event, &l->accept, listen_fd, EPOLLIN,
			    on_listener_accept, l);
	if (r < 0) {
		tls_listener_free(l);
		return error_ret(e, r, "watch the HTTPS port");
	}
	sd_event_source_set_description(l->accept, "https");
	*ret = l;
	return 0;
}

void tls_listener_turn(struct tls_listener *l)
{
	struct tls_conn_in *c, *next;

	list_for_each_safe(c, next, &l->conns, link)
		tls_pipe_turn(c->pipe);
}

struct tls_listener *tls_listener_free(struct tls_listener *l)
{
	struct tls_conn_in *c, *next;

	if (!l)
		return NULL;
	tls_listener_turn(l);
	list_for_each_safe(c, next, &l->strangers, link)
		conn_free(c);
	list_for_each_safe(c, next, &l->conns, link)
		conn_free(c);
	l->accept = loop_unref(l->accept);
	l->tick = loop_unref(l->tick);
	fd_close(l->fd);
	free(l);
	return NULL;
}

/* A number is used again when its socket was closed, so the newest counts. */
void tls_listener_peer(const struct tls_listener *l, int fd, char **ret_name,
		       char **ret_fault)
{
	struct tls_conn_in *c, *next;

	*ret_name = *ret_fault = NULL;
	list_for_each_safe(c, next, (struct list *)(uintptr_t)&l->conns, link) {
		if (c->handed_fd != fd)
			continue;
		*ret_name = xstrdup(c->name);
		*ret_fault = xstrdup(c->fault);
		return;
	}
}
