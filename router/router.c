/*
 * router.c - poll, compare, write, reload.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "http/client.h"
#include "router/activity.h"
#include "router/haproxy.h"
#include "router/haproxy_conf.h"
#include "router/router.h"
#include "router/waiting_room.h"

#include <fcntl.h>

#define ROUTER_WAIT_SEC 50
#define ROUTER_TIMEOUT_USEC (70 * USEC_PER_SEC)
/* Several changes at once become one, and no answer can make us spin. */
#define ROUTER_GAP_USEC (50 * USEC_PER_MSEC)
#define ROUTER_RETRY_USEC (1 * USEC_PER_SEC)
#define ROUTER_KEPT_MAX (16 * 1024 * 1024)

struct router {
	sd_event *event;
	char *dir;			/* <run>/router */
	int dir_fd;
	struct http_client *client;
	struct http_call *call;
	struct haproxy *haproxy;
	struct activity *activity;
	struct waiting_room *room;
	struct routes routes;		/* the newest */
	sd_event_source *timer;
	int64_t revision;
	bool failing;			/* the last poll did: logged once */
	struct buf conf, map;		/* what HAProxy's files hold */
};

/* ---- routes to files ---- */

static int router_write(struct router *r, const char *name, const struct buf *b,
			struct error *e)
{
	return file_write_fast(r->dir_fd, name, buf_str(b), b->len, 0644, e);
}

static bool buf_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && !memcmp(buf_str(a), buf_str(b), a->len);
}

/* The map first: a process that starts in between knows no host it cannot
 * serve, since its configuration sends unknown backends to "unknown". */
static int router_apply(struct router *r, const struct routes *routes,
			struct error *e)
{
	auto_buf conf = BUF_INIT, map = BUF_INIT;
	struct buf old;
	int ret;

	haproxy_conf_make(routes, &conf, &map);
	if (r->conf.len && buf_same(&conf, &r->conf) && buf_same(&map, &r->map))
		return 0;
	ret = router_write(r, HAPROXY_CONF_MAP, &map, e);
	if (ret >= 0)
		ret = router_write(r, HAPROXY_CONF_FILE, &conf, e);
	if (ret < 0)
		return ret;
	old = r->conf, r->conf = conf, conf = old;
	old = r->map, r->map = map, map = old;
	haproxy_reload(r->haproxy);
	return 0;
}

static int router_take(struct router *r, const char *text, size_t n,
		       struct error *e)
{
	struct routes routes = ROUTES_INIT;
	int ret;

	ret = routes_parse(&routes, text, n, e);
	if (ret >= 0)
		ret = router_apply(r, &routes, e);
	if (ret < 0) {
		routes_deinit(&routes);
		return ret;
	}
	r->revision = routes.revision;
	log_debug("revision %lld: %zu apps", (long long)r->revision, routes.n_apps);
	if (routes.left_out)
		log_warn("%zu malformed routes, ignoring", routes.left_out);
	routes_deinit(&r->routes);
	r->routes = routes;
	activity_every(r->activity, routes.activity);
	waiting_room_look(r->room, &r->routes);
	return 0;
}

/* What was known before this process started; its revision says nothing, as
 * the controller may be another one by now. */
static void router_recall(struct router *r)
{
	auto_buf text = BUF_INIT;
	struct error e;

	if (file_read(r->dir_fd, "routes.json", ROUTER_KEPT_MAX, &text, &e) < 0 ||
	    router_take(r, buf_str(&text), text.len, &e) < 0) {
		if (router_apply(r, NULL, &e) < 0)
			log_err("%s", e.msg);
	}
	r->revision = 0;
}

/* ---- polling ---- */

static void router_poll(struct router *r);

static int on_router_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	router_poll(userdata);
	return 0;
}

static void router_poll_in(struct router *r, uint64_t usec)
{
	struct error e;

	if (loop_timer(r->event, &r->timer, usec, on_router_timer, r,
		       "router poll", &e) < 0)
		log_err("%s", e.msg);
}

static int router_answer(struct router *r, const struct http_result *res,
			 struct error *e)
{
	int ret;

	if (res->r < 0) {
		*e = *res->error;
		return res->r;
	}
	if (res->status == 204)
		return 0;
	if (res->status != 200)
		return error_set(e, EPROTO, "the controller answered %d",
				 res->status);
	ret = router_take(r, res->body, res->body_len, e);
	if (ret < 0)
		return error_prefix(e, ret, "take the routes");
	ret = file_write_fast(r->dir_fd, "routes.json", res->body, res->body_len,
			      0600, e);
	return ret;
}

static void on_router_answer(const struct http_result *res, void *userdata)
{
	struct router *r = userdata;
	struct error e;
	bool bad = router_answer(r, res, &e) < 0;

	r->call = http_call_free(r->call);
	if (bad && !r->failing)
		log_warn("get the routes: %s, will retry", e.msg);
	else if (!bad && r->failing)
		log_info("the controller is back");
	r->failing = bad;
	router_poll_in(r, bad ? ROUTER_RETRY_USEC : ROUTER_GAP_USEC);
}

static void router_poll(struct router *r)
{
	auto_free char *path = xasprintf("/router/v1/routes?after=%lld&wait=%d",
					 (long long)r->revision,
					 ROUTER_WAIT_SEC);
	struct http_call_spec spec = {
		.method = "GET", .path = path,
		.timeout_usec = ROUTER_TIMEOUT_USEC,
	};
	struct error e;

	if (http_call_new(&r->call, r->client, &spec, on_router_answer, r,
			  &e) < 0) {
		log_err("%s", e.msg);
		router_poll_in(r, ROUTER_RETRY_USEC);
	}
}

/* ---- life ---- */

static void on_router_guest(const char *app, void *userdata)
{
	struct router *r = userdata;

	activity_waits(r->activity, app);
}

static int router_open(struct router *r, const struct router_spec *spec,
		       struct error *e)
{
	auto_free char *base = xasprintf("unix:%s/api.sock", spec->root->run);
	struct http_client_spec client = { .base = base };
	auto_buf page = BUF_INIT;
	int ret;

	r->dir_fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir_fd < 0)
		return error_sys(e, "open directory %s", r->dir);
	haproxy_conf_page(&page);
	ret = router_write(r, HAPROXY_CONF_PAGE, &page, e);
	if (ret >= 0)
		ret = haproxy_new(&r->haproxy, r->event, spec->haproxy, r->dir,
				  spec->listen_fd, e);
	if (ret >= 0)
		ret = http_client_new(&r->client, r->event, &client, e);
	if (ret >= 0)
		ret = activity_new(&r->activity, r->event, r->client, r->dir, e);
	if (ret >= 0)
		ret = waiting_room_new(&r->room, r->event, r->dir, on_router_guest, r,
				       e);
	return ret;
}

int router_new(struct router **ret, sd_event *event,
	       const struct router_spec *spec, struct error *e)
{
	auto_(router_free_p) struct router *r = xcalloc(1, sizeof(*r));
	int code;

	r->event = sd_event_ref(event);
	r->dir = xasprintf("%s/router", spec->root->run);
	r->dir_fd = -1;
	r->routes = ROUTES_INIT;
	code = router_open(r, spec, e);
	if (code < 0)
		return code;
	router_recall(r);
	router_poll(r);
	*ret = take_ptr(r);
	return 0;
}

struct router *router_free(struct router *r)
{
	if (!r)
		return NULL;
	r->timer = loop_unref(r->timer);
	r->call = http_call_free(r->call);
	r->haproxy = haproxy_free(r->haproxy);
	r->room = waiting_room_free(r->room);
	r->activity = activity_free(r->activity);
	r->client = http_client_free(r->client);
	routes_deinit(&r->routes);
	r->event = sd_event_unref(r->event);
	fd_close(r->dir_fd);
	buf_deinit(&r->conf);
	buf_deinit(&r->map);
	free(r->dir);
	free(r);
	return NULL;
}
