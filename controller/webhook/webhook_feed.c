/*
 * webhook_feed.c - a snapshot for each app with webhooks, and a timer.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "controller/engine.h"
#include "controller/model/apps.h"
#include "controller/model/webhooks.h"
#include "controller/webhook/deliveries.h"
#include "controller/webhook/snapshot.h"
#include "controller/webhook/webhook_feed.h"

/* A change comes in several pieces. */
#define FEED_GAP_USEC (20 * USEC_PER_MSEC)
/* Apps that are looked at in one turn of the loop: the API goes on in between. */
#define FEED_TURN 8
#define FEED_VERSION "application/vnd.heroku+json; version=3"

struct feed_app {
	json_t *hooks;			/* array, as in webhooks.h */
	json_t *seen;			/* snapshot */
	json_t *events;			/* array */
	json_t *actor;			/* {id, email}: who has changed it last */
	bool dirty;
};

struct webhook_feed {
	sd_event *event;
	struct engine *g;
	char *const *base;
	struct deliveries *deliveries;
	struct map apps;		/* id -> struct feed_app */
	sd_event_source *timer;
};

static void feed_app_free(struct feed_app *a)
{
	if (!a)
		return;
	json_decref(a->hooks);
	json_decref(a->seen);
	json_decref(a->events);
	json_decref(a->actor);
	free(a);
}

/* ---- what has happened ---- */

static json_t *feed_event(const struct feed_app *a, const json_t *what)
{
	char id[UUID_TEXT_MAX], now[CLOCK_TEXT_MAX];

	clock_api_text(now, clock_real_usec());
	return json_pack("{s:s, s:O, s:{s:O, s:O, s:O, s:O, s:O, s:s}, s:s, s:s}",
		"id", id_uuid(id), "include", json_object_get(what, "include"),
		"payload", "action", json_object_get(what, "action"),
		"actor", a->actor, "data", json_object_get(what, "data"),
		"previous_data", json_object_get(what, "previous_data"),
		"resource", json_object_get(what, "resource"),
		"version", FEED_VERSION, "created_at", now, "updated_at", now);
}

static void feed_tell(struct webhook_feed *f, const char *app_id,
		      struct feed_app *a, const json_t *what)
{
	auto_json *event = feed_event(a, what);
	bool wanted = false;
	json_t *hook;
	size_t i;

	json_array_foreach(a->hooks, i, hook) {
		if (!webhooks_includes(hook, json_str(event, "include")))
			continue;
		deliveries_add(f->deliveries, app_id, hook, event);
		wanted = true;
	}
	if (!wanted)
		return;
	if (json_array_size(a->events) >= WEBHOOK_FEED_EVENTS)
		json_array_remove(a->events, 0);
	json_array_append(a->events, event);
}

/* The webhooks themselves may have changed: what waits follows. */
static int feed_read_hooks(struct webhook_feed *f, const char *app_id,
			   struct feed_app *a, struct error *e)
{
	auto_json *hooks = NULL, *old = NULL;
	json_t *hook, *now;
	size_t i, k;
	int r = webhooks_list(f->g, app_id, &hooks, e);

	if (r < 0 || json_equal(hooks, a->hooks))
		return r;
	old = a->hooks;
	a->hooks = take_ptr(hooks);
	json_array_foreach(old, i, hook) {
		const char *id = json_str(hook, "id");
		json_t *found = NULL;

		json_array_foreach(a->hooks, k, now)
			if (str_eq(json_str(now, "id"), id))
				found = now;
		deliveries_hook(f->deliveries, id, found);
	}
	return 0;
}

static int feed_snapshot(struct webhook_feed *f, const json_t *app, json_t **ret,
			 struct error *e)
{
	struct views v = {
		.g = f->g, .base = *f->base ? *f->base : "",
		.now = clock_mono_usec(),
	};

	return snapshot_take(&v, app, ret, e);
}

static int feed_look(struct webhook_feed *f, const char *app_id,
		     struct feed_app *a, struct error *e)
{
	auto_json *now = NULL, *events = NULL;
	auto_doc app = DOC_INIT;
	json_t *what;
	size_t i;
	int r = apps_find(f->g, app_id, &app, e);

	if (r == 0)
		r = feed_read_hooks(f, app_id, a, e);
	if (r == 0 && json_array_size(a->hooks) > 0)
		r = feed_snapshot(f, app.j, &now, e);
	if (r != 0 || !now)
		return r;
	events = a->seen ? snapshot_events(a->seen, now) : json_array();
	json_array_foreach(events, i, what)
		feed_tell(f, app_id, a, what);
	json_decref(a->seen);
	a->seen = take_ptr(now);
	return 0;
}

void webhook_feed_look(struct webhook_feed *f, const char *app_id)
{
	struct feed_app *a = map_get(&f->apps, app_id);
	struct error e;
	int r = 0;

	if (!a)
		return;
	a->dirty = false;
	r = feed_look(f, app_id, a, &e);
	if (r < 0)
		log_err("webhooks of app %s: %s, ignoring", app_id, e.msg);
	if (r > 0 || json_array_size(a->hooks) == 0) {
		/* No app any more, or none that is listened to. */
		deliveries_forget(f->deliveries, app_id);
		feed_app_free(map_remove(&f->apps, app_id));
	}
}

static void feed_soon(struct webhook_feed *f);

static int on_feed_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct webhook_feed *f = userdata;
	unsigned n = 0;

	f->timer = loop_unref(f->timer);
	for (struct map_iter it = { 0 }; map_next(&f->apps, &it); ) {
		const struct feed_app *a = it.value;

		if (!a->dirty)
			continue;
		if (n++ == FEED_TURN) {
			feed_soon(f);
			break;
		}
		webhook_feed_look(f, it.key);
	}
	return 0;
}

static void feed_soon(struct webhook_feed *f)
{
	struct error e;

	if (!f->timer && loop_timer(f->event, &f->timer, FEED_GAP_USEC, on_feed_timer,
				    f, "webhooks", &e) < 0)
		log_err("%s", e.msg);
}

/* ---- notice ---- */

/* The first webhook of an app: events count from here on. */
static struct feed_app *feed_add(struct webhook_feed *f, const char *app_id)
{
	struct feed_app *a = xcalloc(1, sizeof(*a));

	a->events = json_array();
	a->hooks = json_array();
	map_set(&f->apps, app_id, a);
	return a;
}

/* Nobody in particular is the default account. */
static void feed_dirty(struct webhook_feed *f, struct feed_app *a)
{
	const struct principal *by = engine_by(f->g);

	json_decref(a->actor);
	a->actor = json_pack("{s:s, s:s}", "id", by->id, "email", by->email);
	a->dirty = true;
	feed_soon(f);
}

void webhook_feed_key(struct webhook_feed *f, const char *key)
{
	const char *rest = str_after(key, "/apps/");
	char id[UUID_TEXT_MAX] = "";
	struct feed_app *a;

	if (!rest || strlen(rest) < UUID_TEXT_MAX - 1)
		return;
	memcpy(id, rest, UUID_TEXT_MAX - 1);
	a = map_get(&f->apps, id);
	if (!a && str_after(rest + UUID_TEXT_MAX - 1, "/webhooks/"))
		a = feed_add(f, id);
	if (!a)
		return;
	feed_dirty(f, a);
}

void webhook_feed_live(struct webhook_feed *f)
{
	for (struct map_iter it = { 0 }; map_next(&f->apps, &it); ) {
		struct feed_app *a = it.value;

		if (!a->dirty)
			feed_dirty(f, a);
	}
}

/* ---- life ---- */

int webhook_feed_start(struct webhook_feed *f, struct error *e)
{
	auto_json *apps = NULL;
	json_t *app;
	size_t i;
	int r = apps_list(f->g, &apps, e);

	json_array_foreach(apps, i, app) {
		const char *id = json_str(app, "id");
		auto_json *hooks = NULL;

		r = webhooks_list(f->g, id, &hooks, e);
		if (r < 0)
			return r;
		if (json_array_size(hooks) > 0) {
			auto_free char *key = xasprintf("/apps/%s/webhooks/", id);

			webhook_feed_key(f, key);
			webhook_feed_look(f, id);
		}
	}
	return r;
}

int webhook_feed_new(struct webhook_feed **ret, sd_event *event, struct engine *g,
		     char *const *base, const struct drain_networks *networks,
		     struct error *e)
{
	auto_(webhook_feed_free_p) struct webhook_feed *f = xcalloc(1, sizeof(*f));
	int r;

	f->event = event;
	f->g = g;
	f->base = base;
	f->apps = MAP_INIT;
	r = deliveries_new(&f->deliveries, event, networks, e);
	if (r < 0)
		return r;
	*ret = take_ptr(f);
	return 0;
}

struct webhook_feed *webhook_feed_free(struct webhook_feed *f)
{
	if (!f)
		return NULL;
	for (struct map_iter it = { 0 }; map_next(&f->apps, &it); )
		feed_app_free(it.value);
	map_deinit(&f->apps);
	loop_unref(f->timer);
	deliveries_free(f->deliveries);
	free(f);
	return NULL;
}

json_t *webhook_feed_events(const struct webhook_feed *f, const char *app_id)
{
	const struct feed_app *a = map_get(&f->apps, app_id);

	return a ? json_copy(a->events) : json_array();
}

json_t *webhook_feed_deliveries(const struct webhook_feed *f, const char *app_id)
{
	return deliveries_list(f->deliveries, app_id);
}
