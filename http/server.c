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

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* How often a server that ends looks whether its last words were taken. */
#define SERVER_FINISH_MSEC 10

/* Heads beyond HTTP_HEAD_MAX still have to fit, to be refused in our words. */
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
		list_for_each(l, &s->listeners, link)
			MHD_run(l->daemon);
		if (server_unfinished(s))
			poll(NULL, 0, SERVER_FINISH_MSEC);
	}
}

static struct MHD_Daemon *listener_start(struct http_listener *l, int fd)
{
	const struct MHD_OptionItem options[] = {
		{ MHD_OPTION_LISTEN_SOCKET, fd, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, SERVER_POOL_BYTES, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX, NULL },
		{ MHD_OPTION_PER_IP_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX / 4,
		  NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, HTTP_IDLE_SEC, NULL },
		{ MHD_OPTION_NOTIFY_COMPLETED,
		  (intptr_t)http_request_on_completed, l },
		{ MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)http_request_on_line,
		  l },
		{ MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL },	/* loop_new() */
		{ MHD_OPTION_END, 0, NULL },
	};

	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
				MHD_ALLOW_UPGRADE, 0, NULL, NULL,
				http_request_on_access, l,
				MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

int http_server_listen(struct http_server *s, int listen_fd, struct error *e)
{
	auto_(listener_free_p) struct http_listener *l = xcalloc(1, sizeof(*l));
	const union MHD_DaemonInfo *info;
	int domain = 0, r;
	socklen_t len = sizeof(domain);

	list_init(&l->link);
	l->quiet_fd = -1;
	l->server = s;
	getsockopt(listen_fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	l->is_unix = domain == AF_UNIX;
	errno = 0;
	l->daemon = listener_start(l, listen_fd);
	if (!l->daemon) {
		fd_close(listen_fd);
		return error_sys(e, "start the HTTP server");
	}
	info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	assert(info);
	r = sd_event_add_io(s->event, &l->io, info->epoll_fd, EPOLLIN,
			    on_server_io, l);
	if (r < 0)
		return error_ret(e, r, "watch the HTTP server");
	sd_event_source_set_description(l->io, "http server");
	r = sd_event_add_defer(s->event, &l->again, on_server_again, l);
	if (r < 0)
		return error_ret(e, r, "watch the HTTP server");
	sd_event_source_set_description(l->again, "http server again");
	r = loop_timer(s->event, &l->timer, 0, on_server_timer, l,
		       "http server", e);
	if (r < 0)
		return r;
	list_add_tail(&s->listeners, &l->link);
	l = NULL;
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

void http_server_set_refuse(struct http_server *s,
			    void (*refuse)(struct http_request *, int status,
					   const char *message, void *userdata))
{
	s->refuse = refuse;
}
