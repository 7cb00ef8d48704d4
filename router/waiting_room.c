/* waiting_room.c - one guest per request, from its head to the end of its answer. */
#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/sock.h"
#include "router/haproxy_conf.h"
#include "router/waiting_room.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>
#include <sys/epoll.h>

#define GUESTS_MAX 400			/* each has up to two descriptors */
#define HEAD_MAX (64 * 1024)
#define FLOW_BYTES (32 * 1024)
#define RETRY_USEC (200 * USEC_PER_MSEC)

enum guest_phase {
	GUEST_READING,			/* its head */
	GUEST_WAITING,
	GUEST_CONNECTING,
	GUEST_SERVED,
};

struct flow {
	struct buf data;		/* read and not written */
	bool ended;			/* nothing more to be read, */
	bool closed;			/* and the other side knows */
};

struct guest {
	struct list link;
	struct waiting_room *room;
	enum guest_phase phase;
	char app[ROUTES_NAME_MAX + 1];
	int client_fd, dyno_fd;
	sd_event_source *client_io, *dyno_io, *deadline, *retry;
	struct flow up, down;		/* to the dyno, to the client */
};

struct waiting_room {
	sd_event *event;
	int fd;
	sd_event_source *io;
	waiting_room_fn fn;
	void *userdata;
	const struct routes *routes;	/* or NULL */
	struct list guests;
	size_t n;
};

static void guest_look(struct guest *g);

static void guest_free(struct guest *g)
{
	list_unlink(&g->link);
	g->room->n--;
	loop_unref(g->client_io);
	loop_unref(g->dyno_io);
	loop_unref(g->deadline);
	loop_unref(g->retry);
	fd_close(g->client_fd);
	fd_close(g->dyno_fd);
	buf_deinit(&g->up.data);
	buf_deinit(&g->down.data);
	free(g);
}

/* ---- to and fro ---- */

/* Returns false if the connection is broken. */
static bool flow_read(struct flow *f, int fd)
{
	char data[FLOW_BYTES];
	ssize_t n;

	if (f->ended || f->data.len)
		return true;
	n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	if (n > 0)
		buf_add(&f->data, data, (size_t)n);
	f->ended = n == 0;
	return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static bool flow_write(struct flow *f, int fd)
{
	ssize_t n = 0;

	if (f->data.len)
		n = send(fd, f->data.data, f->data.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		buf_consume(&f->data, (size_t)n);
	if (f->ended && !f->data.len && !f->closed) {
		f->closed = true;
		shutdown(fd, SHUT_WR);
	}
	return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static uint32_t flow_events(const struct flow *from_here, const struct flow *to_here)
{
	return (!from_here->ended && !from_here->data.len ? EPOLLIN : 0U) |
	       (to_here->data.len ? EPOLLOUT : 0U);
}

/* One that is not watched tells no hang-up either, over and over. */
static void guest_watch(sd_event_source *io, uint32_t events)
{
	sd_event_source_set_enabled(io, events ? SD_EVENT_ON : SD_EVENT_OFF);
	if (events)
		sd_event_source_set_io_events(io, events);
}

static int on_guest_deadline(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct guest *g = userdata;
	auto_buf page = BUF_INIT;

	haproxy_conf_late(&page);
	if (g->phase != GUEST_SERVED &&
	    send(g->client_fd, page.data, page.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("a request for %s is gone", g->app);
	guest_free(g);
	return 0;
}

static void guest_pump(struct guest *g)
{
	struct error e;
	bool good = flow_read(&g->up, g->client_fd) && flow_read(&g->down, g->dyno_fd) &&
		    flow_write(&g->up, g->dyno_fd) && flow_write(&g->down, g->client_fd);

	/* The end of the answer is the end of both. */
	if (!good || g->down.closed) {
		guest_free(g);
		return;
	}
	guest_watch(g->client_io, flow_events(&g->up, &g->down));
	guest_watch(g->dyno_io, flow_events(&g->down, &g->up));
	/* HAProxy has gone, if it is not the end of a tunnel's one half. */
	if (g->up.ended && !g->deadline &&
	    loop_timer(g->room->event, &g->deadline, HAPROXY_CONF_BOOT_SEC * USEC_PER_SEC,
		       on_guest_deadline, g, "waiting room", &e) < 0)
		log_err("%s", e.msg);
}

/* ---- the dyno ---- */

static int on_guest_retry(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct guest *g = userdata;

	g->retry = loop_unref(g->retry);
	guest_look(g);
	return 0;
}

static void guest_refused(struct guest *g)
{
	struct error e;

	g->dyno_io = loop_unref(g->dyno_io);
	g->dyno_fd = fd_close(g->dyno_fd);
	g->phase = GUEST_WAITING;
	if (loop_timer(g->room->event, &g->retry, RETRY_USEC, on_guest_retry, g,
		       "waiting room", &e) < 0)
		log_err("%s", e.msg);
}

static int on_guest_dyno(sd_event_source *src, int fd, uint32_t events, void *userdata)
{
	struct guest *g = userdata;
	socklen_t n = sizeof(int);
	int code = 0;

	if (g->phase == GUEST_CONNECTING) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &n) < 0 || code) {
			guest_refused(g);
			return 0;
		}
		g->phase = GUEST_SERVED;
		g->deadline = loop_unref(g->deadline);
	}
	guest_pump(g);
	return 0;
}

static void guest_connect(struct guest *g, const struct routes_dyno *d)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(d->port) };

	inet_pton(AF_INET, d->address, &sa.sin_addr);
	g->dyno_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	g->phase = GUEST_CONNECTING;
	if (g->dyno_fd < 0 ||
	    (connect(g->dyno_fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 &&
	     errno != EINPROGRESS) ||
	    sd_event_add_io(g->room->event, &g->dyno_io, g->dyno_fd, EPOLLOUT,
			    on_guest_dyno, g) < 0)
		guest_refused(g);
}

/* Is there a dyno by now? */
static void guest_look(struct guest *g)
{
	const struct routes_app *a = g->room->routes ?
		routes_find(g->room->routes, g->app) : NULL;
	size_t up = a && !a->idle ? routes_count(a, ROUTES_UP) : 0, pick;

	if (!up || g->phase != GUEST_WAITING)
		return;
	g->retry = loop_unref(g->retry);
	pick = id_random((uint32_t)up);
	for (size_t i = 0; i < a->n_dynos; i++) {
		const struct routes_dyno *d = &a->dynos[i];

		if (d->state != ROUTES_UP || !d->port || !d->address[0])
			continue;
		if (pick-- == 0) {
			guest_connect(g, d);
			return;
		}
	}
}

/* ---- the request ---- */

/* The header is taken out of the head. False: it is not there. */
static bool guest_read_head(struct guest *g, size_t head)
{
	static const char name[] = "\r\n" HAPROXY_CONF_WAITS_FOR ": ";
	char *text = g->up.data.data, *line = text, *end, *value;
	size_t n;

	while ((line = memmem(line, (size_t)(text + head - line), "\r\n", 2)) &&
	       strncasecmp(line, name, sizeof(name) - 1) != 0)
		line += 2;
	if (!line)
		return false;
	value = line + sizeof(name) - 1;
	end = memmem(value, (size_t)(text + head - value), "\r\n", 2);
	n = end ? (size_t)(end - value) : sizeof(g->app);
	if (!n || n >= sizeof(g->app))
		return false;
	memcpy(g->app, value, n);
	g->app[n] = '\0';
	memmove(line, end, (size_t)(text + g->up.data.len - end));
	g->up.data.len -= (size_t)(end - line);
	return true;
}

static void guest_read(struct guest *g)
{
	char data[FLOW_BYTES];
	ssize_t n = recv(g->client_fd, data, sizeof(data), MSG_DONTWAIT);
	const char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		buf_add(&g->up.data, data, (size_t)n);
	end = !g->up.data.len ? NULL :
		memmem(g->up.data.data, g->up.data.len, "\r\n\r\n", 4);
	if (!end && n > 0 && g->up.data.len < HEAD_MAX)
		return;
	/* HAProxy sends nothing of the kind. */
	if (!end || !guest_read_head(g, (size_t)(end - g->up.data.data) + 4)) {
		guest_free(g);
		return;
	}
	g->phase = GUEST_WAITING;
	/* The rest of the body stays where it is; an end shows as EPOLLHUP. */
	sd_event_source_set_io_events(g->client_io, EPOLLRDHUP);
	g->room->fn(g->app, g->room->userdata);
	guest_look(g);
}

static int on_guest_client(sd_event_source *src, int fd, uint32_t events,
			   void *userdata)
{
	struct guest *g = userdata;

	if (g->phase == GUEST_READING)
		guest_read(g);
	else if (g->phase == GUEST_SERVED)
		guest_pump(g);
	else
		guest_free(g);		/* it has gone */
	return 0;
}

/* ---- the room ---- */

static void room_admit(struct waiting_room *w, int fd)
{
	struct guest *g = xcalloc(1, sizeof(*g));
	struct error e;

	g->room = w;
	g->client_fd = fd;
	g->dyno_fd = -1;
	g->up.data = g->down.data = BUF_INIT;
	list_add_tail(&w->guests, &g->link);
	w->n++;
	if (sd_event_add_io(w->event, &g->client_io, fd, EPOLLIN, on_guest_client,
			    g) >= 0 &&
	    loop_timer(w->event, &g->deadline, HAPROXY_CONF_BOOT_SEC * USEC_PER_SEC,
		       on_guest_deadline, g, "waiting room", &e) >= 0)
		return;
	log_err("cannot let a request wait, refusing it");
	guest_free(g);
}

static int on_room_guest(sd_event_source *src, int fd, uint32_t events, void *userdata)
{
	struct waiting_room *w = userdata;
	int guest_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (guest_fd < 0)
		return 0;
	if (w->n < GUESTS_MAX)
		room_admit(w, guest_fd);
	else
		fd_close(guest_fd);
	return 0;
}

void waiting_room_look(struct waiting_room *w, const struct routes *routes)
{
	struct guest *g, *tmp;

	w->routes = routes;
	list_for_each_safe(g, tmp, &w->guests, link)
		guest_look(g);
}

int waiting_room_new(struct waiting_room **ret, sd_event *event, const char *dir,
		     waiting_room_fn fn, void *userdata, struct error *e)
{
	auto_(waiting_room_free_p) struct waiting_room *w = xcalloc(1, sizeof(*w));
	auto_free char *path = xasprintf("%s/" HAPROXY_CONF_ROOM, dir);

	w->event = event;
	w->fn = fn;
	w->userdata = userdata;
	list_init(&w->guests);
	w->fd = sock_listen_unix(path, 0600, e);
	if (w->fd < 0)
		return w->fd;
	if (sd_event_add_io(event, &w->io, w->fd, EPOLLIN, on_room_guest, w) < 0)
		return error_set(e, EIO, "watch %s", path);
	*ret = take_ptr(w);
	return 0;
}

struct waiting_room *waiting_room_free(struct waiting_room *w)
{
	struct guest *g, *tmp;

	if (!w)
		return NULL;
	list_for_each_safe(g, tmp, &w->guests, link)
		guest_free(g);
	w->io = loop_unref(w->io);
	fd_close(w->fd);
	free(w);
	return NULL;
}
