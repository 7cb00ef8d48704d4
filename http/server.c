/*
 * server.c - libmicrohttpd inside sd-event: its epoll descriptor is watched,
 * and after every run its own time-out becomes a timer. Without that timer a
 * request can hang, since libmicrohttpd's epoll is edge-triggered. A time-out of
 * 0 is the next turn of the loop instead.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"
#include "http/request.h"
#include "http/tls_listener.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* How often a server that ends looks whether its last words were taken. */
#define SERVER_FINISH_MSEC 10

/* Heads beyond HTTP_HEAD_MAX still have to fit, to be refused in our words. Half of it
 * is written to for every connection: idle streams are many. */
#define SERVER_POOL_BYTES (2 * HTTP_HEAD_MAX)

static void http_server_run(struct http_listener *l)
{
	MHD_UNSIGNED_LONG_LONG ms;
	uint64_t usec = UINT64_MAX;

	l->kicked = false;
	l->running = true;
	MHD_run(l->daemon);
	l->running = false;
	if (MHD_get_timeout(l->daemon, &ms) == MHD_YES)
		usec = ms * USEC_PER_MSEC;
	if (l->kicked)
		usec = 0;
	/* A timer of 0 takes a millisecond: at 32 KiB a time, too long. */
	sd_event_source_set_enabled(l->again, usec == 0 ? SD_EVENT_ONESHOT
							: SD_EVENT_OFF);
	if (usec == 0 || usec == UINT64_MAX) {
		sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time_relative(l->timer, usec);
	sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
}

void http_server_kick(struct http_listener *l)
{
	if (l->kicked)
		return;
	l->kicked = true;
	if (!l->running)
		sd_event_source_set_enabled(l->again, SD_EVENT_ONESHOT);
}

static int on_server_io(sd_event_source *src, int fd, uint32_t revents,
			void *userdata)
{
	http_server_run(userdata);
	return 0;
}

static int on_server_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	http_server_run(userdata);
	return 0;
}

static int on_server_again(sd_event_source *src, void *userdata)
{
	http_server_run(userdata);
	return 0;
}

int http_server_new(struct http_server **ret, sd_event *event,
		    const struct http_route *routes, size_t n_routes,
		    void *userdata, struct error *e)
{
	struct http_server *s = xcalloc(1, sizeof(*s));

	s->event = sd_event_ref(event);
	s->routes = routes;
	s->n_routes = n_routes;
	s->rooms = xcalloc(n_routes + 1, sizeof(*s->rooms));
	s->userdata = userdata;
	list_init(&s->listeners);
	list_init(&s->requests);
	*ret = s;
	return 0;
}

static void listener_free(struct http_listener *l)
{
	list_unlink(&l->link);
	l->io = loop_unref(l->io);
	l->timer = loop_unref(l->timer);
	l->again = loop_unref(l->again);
	if (l->daemon)
		MHD_stop_daemon(l->daemon);
	fd_close(l->quiet_fd);
	tls_listener_free(l->tls);
	free(l);
}

static void listener_free_p(struct http_listener **l)
{
	if (*l)
		listener_free(*l);
}

struct http_server *http_server_free(struct http_server *s)
{
	struct http_listener *l, *l_next;
	struct http_request *req, *r_next;

	if (!s)
		return NULL;
	/* libmicrohttpd panics if it is stopped with suspended connections. */
	list_for_each_safe(req, r_next, &s->requests, link)
		http_request_leave(req);
	list_for_each_safe(l, l_next, &s->listeners, link)
		listener_free(l);
	sd_event_unref(s->event);
	free(s->rooms);
	free(s);
	return NULL;
}

/* How many answers of unknown length have an end that is not sent yet. */
static size_t server_unfinished(const struct http_server *s)
{
	const struct http_request *req;
	size_t n = 0;

	list_for_each(req, &s->requests, link)
		n += req->finishing;
	return n;
}

void http_server_finish(struct http_server *s, uint64_t usec)
{
	uint64_t deadline = clock_mono_usec() + usec;
	struct http_request *req, *next;
	struct http_listener *l;

	list_for_each_safe(req, next, &s->requests, link) {
		if (req->phase != REQUEST_STREAM || !req->queued)
			continue;
		http_request_finish(req);
		req->finishing = true;
	}
	/* Who comes now waits for the next server on the socket. */
	list_for_each(l, &s->listeners, link)
		if (l->quiet_fd < 0)
			l->quiet_fd = MHD_quiesce_daemon(l->daemon);
	while (server_unfinished(s) && clock_mono_usec() < deadline) {
		list_for_each(l, &s->listeners, link) {
			MHD_run(l->daemon);
			if (l->tls)
				tls_listener_turn(l->tls);
		}
		if (server_unfinished(s))
			poll(NULL, 0, SERVER_FINISH_MSEC);
	}
}

/* A connection of libmicrohttpd's comes or goes: the peer's name is its own. */
static void on_listener_connection(void *cls, struct MHD_Connection *conn,
				   void **context,
				   enum MHD_ConnectionNotificationCode code)
{
	struct http_listener *l = cls;
	const union MHD_ConnectionInfo *info;
	struct http_peer *peer = *context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED && peer) {
		free(peer->name);
		free(peer->fault);
		free(peer);
		*context = NULL;
	}
	if (code != MHD_CONNECTION_NOTIFY_STARTED || !l->tls)
		return;
	info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	peer = xcalloc(1, sizeof(*peer));
	if (info)
		tls_listener_peer(l->tls, info->connect_fd, &peer->name,
				  &peer->fault);
	*context = peer;
}

/* fd -1: connections are handed to it one by one. */
static struct MHD_Daemon *listener_start(struct http_listener *l, int fd)
{
	const struct MHD_OptionItem listen[] = {
		{ MHD_OPTION_LISTEN_SOCKET, fd, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	const struct MHD_OptionItem options[] = {
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, SERVER_POOL_BYTES, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX, NULL },
		{ MHD_OPTION_PER_IP_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX / 4,
		  NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, HTTP_IDLE_SEC, NULL },
		{ MHD_OPTION_NOTIFY_COMPLETED,
		  (intptr_t)http_request_on_completed, l },
		{ MHD_OPTION_NOTIFY_CONNECTION,
		  (intptr_t)on_listener_connection, l },
		{ MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)http_request_on_line,
		  l },
		{ MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL },	/* loop_new() */
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
			 MHD_ALLOW_UPGRADE |
			 (fd < 0 ? MHD_USE_NO_LISTEN_SOCKET : 0u);

	return MHD_start_daemon(flags, 0, NULL, NULL, http_request_on_access, l,
				MHD_OPTION_ARRAY, options, MHD_OPTION_ARRAY,
				fd >= 0 ? listen : listen + 1, MHD_OPTION_END);
}

static int listener_watch(struct http_listener *l, struct error *e)
{
	sd_event *event = l->server->event;
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int r;

	assert(info);
	r = sd_event_add_io(event, &l->io, info->epoll_fd, EPOLLIN, on_server_io,
			    l);
	if (r < 0)
		return error_ret(e, r, "watch the HTTP server");
	sd_event_source_set_description(l->io, "http server");
	r = sd_event_add_defer(event, &l->again, on_server_again, l);
	if (r < 0)
		return error_ret(e, r, "watch the HTTP server");
	sd_event_source_set_description(l->again, "http server again");
	return loop_timer(event, &l->timer, 0, on_server_timer, l, "http server",
			  e);
}

static int listener_new(struct http_listener **ret, struct http_server *s, int fd,
			struct error *e)
{
	auto_(listener_free_p) struct http_listener *l = xcalloc(1, sizeof(*l));
	int r;

	list_init(&l->link);
	l->quiet_fd = -1;
	l->server = s;
	errno = 0;
	l->daemon = listener_start(l, fd);
	if (!l->daemon) {
		fd_close(fd);
		return error_sys(e, "start the HTTP server");
	}
	r = listener_watch(l, e);
	if (r < 0)
		return r;
	*ret = take_ptr(l);
	return 0;
}

int http_server_listen(struct http_server *s, int listen_fd, struct error *e)
{
	struct http_listener *l;
	int domain = 0, r;
	socklen_t len = sizeof(domain);

	getsockopt(listen_fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	r = listener_new(&l, s, listen_fd, e);
	if (r < 0)
		return r;
	l->is_unix = domain == AF_UNIX;
	list_add_tail(&s->listeners, &l->link);
	return 0;
}

/* Beyond its bounds libmicrohttpd closes the socket, which is all there is to
 * tell the client. */
static void on_server_tls(int fd, const struct sockaddr *addr, socklen_t len,
			  void *userdata)
{
	struct http_listener *l = userdata;

	if (MHD_add_connection(l->daemon, fd, addr, len) == MHD_YES)
		http_server_kick(l);
}

int http_server_listen_tls(struct http_server *s, int listen_fd,
			   struct tls_identity *id, struct error *e)
{
	struct http_listener *l;
	int r = listener_new(&l, s, -1, e);

	if (r < 0) {
		fd_close(listen_fd);
		return r;
	}
	r = tls_listener_new(&l->tls, s->event, listen_fd, id, on_server_tls, l,
			     e);
	if (r < 0) {
		listener_free(l);
		return r;
	}
	list_add_tail(&s->listeners, &l->link);
	return 0;
}

void http_server_set_gate(struct http_server *s,
			  void (*gate)(struct http_request *, void *userdata))
{
	s->gate = gate;
}

void http_server_set_admit(struct http_server *s,
			   void (*admit)(struct http_request *, void *userdata))
{
	s->admit = admit;
}

void http_server_set_answered(struct http_server *s,
			      void (*answered)(struct http_request *, int status,
					       void *userdata))
{
	s->answered = answered;
}

void http_server_set_refuse(struct http_server *s,
			    void (*refuse)(struct http_request *, int status,
					   const char *message, void *userdata))
{
	s->refuse = refuse;
}
