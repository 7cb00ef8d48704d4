/* activity.c - a set of names, filled by datagrams and emptied by calls. */
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "http/client.h"
#include "http/json.h"
#include "router/activity.h"
#include "router/haproxy_conf.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define RETRY_USEC USEC_PER_SEC
#define TIMEOUT_USEC (20 * USEC_PER_SEC)
#define APPS_MAX 10000			/* of one call */
#define DATAGRAMS_MAX 256		/* before others have their turn */

struct activity {
	sd_event *event;
	struct http_client *client;
	int fd;
	sd_event_source *io, *timer;
	struct http_call *call;
	uint64_t every;			/* usec */
	bool failing;			/* the last call did: logged once */
	bool urgent;			/* tell what there is after this call */
	struct map apps;		/* to be told, */
	struct map told;		/* and what the call tells */
};

static void activity_tell(struct activity *a);

/* ---- telling ---- */

static int on_activity_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct activity *a = userdata;

	a->timer = loop_unref(a->timer);
	activity_tell(a);
	return 0;
}

static void activity_tell_in(struct activity *a, uint64_t usec)
{
	struct error e;

	if (!a->timer && loop_timer(a->event, &a->timer, usec, on_activity_timer, a,
				    "activity", &e) < 0)
		log_err("%s", e.msg);
}

static void activity_add(struct activity *a, const char *app)
{
	if (a->apps.n < APPS_MAX || map_get(&a->apps, app))
		map_set(&a->apps, app, a);
}

static void on_activity_told(const struct http_result *res, void *userdata)
{
	struct activity *a = userdata;
	bool bad = res->r < 0 || res->status != 200;

	for (struct map_iter it = { 0 }; bad && map_next(&a->told, &it); )
		activity_add(a, it.key);
	map_deinit(&a->told);
	a->told = MAP_INIT;
	if (bad && !a->failing)
		log_warn("tell who got requests: %s, will retry",
			 res->r < 0 ? res->error->msg : "refused");
	a->failing = bad;
	a->call = http_call_free(a->call);
	if (bad)
		activity_tell_in(a, RETRY_USEC);
	else if (a->urgent)
		activity_tell_in(a, 0);
	else if (a->apps.n && a->every)
		activity_tell_in(a, a->every);
}

static char *activity_body(struct activity *a)
{
	auto_json *body = NULL;
	json_t *apps = json_array();

	for (struct map_iter it = { 0 }; map_next(&a->told, &it); )
		json_array_append_new(apps, json_string(it.key));
	body = json_pack("{s:o}", "apps", apps);
	return json_dumps(body, JSON_COMPACT);
}

static void activity_tell(struct activity *a)
{
	auto_free char *body = NULL;
	struct http_call_spec spec = {
		.method = "POST", .path = "/router/v1/activity",
		.timeout_usec = TIMEOUT_USEC,
	};
	struct error e;

	if (a->call || !a->apps.n)
		return;
	a->urgent = false;
	a->told = a->apps;
	a->apps = MAP_INIT;
	body = activity_body(a);
	spec.body = body;
	spec.body_len = strlen(body);
	if (http_call_new(&a->call, a->client, &spec, on_activity_told, a, &e) < 0)
		on_activity_told(&(struct http_result){ .r = -e.code, .error = &e }, a);
}

void activity_waits(struct activity *a, const char *app)
{
	activity_add(a, app);
	a->urgent = true;
	if (a->call)
		return;
	a->timer = loop_unref(a->timer);
	activity_tell_in(a, 0);
}

/* ---- hearing ---- */

/* "app-NAME", perhaps with a newline; what HAProxy answers by itself is told with the
 * name of the frontend. */
static void activity_hear(struct activity *a, const char *text)
{
	const char *app = str_after(text, HAPROXY_CONF_BACKEND);

	if (!a->every || !app || !*app)
		return;
	activity_add(a, app);
	if (!a->call)
		activity_tell_in(a, a->every);
}

static int on_activity_datagram(sd_event_source *src, int fd, uint32_t events,
				void *userdata)
{
	for (int i = 0; i < DATAGRAMS_MAX; i++) {
		char text[256];
		ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

		if (n < 0)
			break;
		text[n] = '\0';
		text[strcspn(text, "\r\n")] = '\0';
		activity_hear(userdata, text);
	}
	return 0;
}

void activity_every(struct activity *a, uint64_t sec)
{
	a->every = sec * USEC_PER_SEC;
}

/* ---- life ---- */

static int activity_open(struct activity *a, const char *dir, struct error *e)
{
	auto_free char *path = xasprintf("%s/" HAPROXY_CONF_LOG, dir);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sa.sun_path))
		return error_set(e, ENAMETOOLONG, "%s is too long for a socket", path);
	memcpy(sa.sun_path, path, strlen(path));
	a->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->fd < 0)
		return error_sys(e, "make a socket");
	if ((unlink(path) < 0 && errno != ENOENT) ||
	    bind(a->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(path, 0600) < 0)
		return error_sys(e, "bind %s", path);
	if (sd_event_add_io(a->event, &a->io, a->fd, EPOLLIN, on_activity_datagram,
			    a) < 0)
		return error_set(e, EIO, "watch %s", path);
	return 0;
}

int activity_new(struct activity **ret, sd_event *event, struct http_client *client,
		 const char *dir, struct error *e)
{
	auto_(activity_free_p) struct activity *a = xcalloc(1, sizeof(*a));
	int r;

	a->event = event;
	a->client = client;
	a->fd = -1;
	a->apps = a->told = MAP_INIT;
	r = activity_open(a, dir, e);
	if (r < 0)
		return r;
	*ret = take_ptr(a);
	return 0;
}

struct activity *activity_free(struct activity *a)
{
	if (!a)
		return NULL;
	a->io = loop_unref(a->io);
	a->timer = loop_unref(a->timer);
	a->call = http_call_free(a->call);
	fd_close(a->fd);
	map_deinit(&a->apps);
	map_deinit(&a->told);
	free(a);
	return NULL;
}
