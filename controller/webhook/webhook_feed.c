/*
 * webhook_feed.c - a snapshot for each app with webhooks, and a timer.
 *
 * What is told is what the snapshot in the store and the app as it is now differ in;
 * events, deliveries and the new snapshot are one transaction. So nothing is told
 * twice and nothing is left out when the process is killed at any point.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/strv.h"
#include "controller/engine.h"
#include "controller/model/apps.h"
#include "controller/model/webhooks.h"
#include "controller/webhook/deliveries.h"
#include "controller/webhook/snapshot.h"
#include "controller/webhook/webhook_feed.h"
#include "controller/webhook/webhook_store.h"

/* A change comes in several pieces. */
#define FEED_GAP_USEC (20 * USEC_PER_MSEC)
/* Apps that are looked at in one turn of the loop: the API goes on in between. */
#define FEED_TURN 8
/* Until what the disk did not take is tried again. */
#define FEED_RETRY_USEC (5 * USEC_PER_SEC)
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
	struct webhook_store *store;
	struct deliveries *deliveries;
	struct map apps;		/* id -> struct feed_app */
	sd_event_source *timer, *retry;
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

/* Returns whether somebody wants to be told: 0 or 1. */
static int feed_tell(struct webhook_feed *f, const char *app_id,
		     struct feed_app *a, json_t *event, struct error *e)
{
	bool wanted = false;
	json_t *hook;
	size_t i;
	int r = 0;

	json_array_foreach(a->hooks, i, hook) {
		if (!webhooks_includes(hook, json_str(event, "include")))
			continue;
		if (!wanted)
			r = webhook_store_event(f->store, app_id, event, e);
		if (r == 0)
			r = deliveries_stage(f->deliveries, app_id, hook, event, e);
		if (r < 0)
			return r;
		wanted = true;
	}
	return wanted;
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

struct feed_parts {
	struct webhook_store *store;
	const char *app;
};

static int feed_store_part(const char *kind, const char *id, const json_t *view,
			   void *userdata, struct error *e)
{
	const struct feed_parts *p = userdata;

	return webhook_store_part(p->store, p->app, kind, id, view, e);
}

/* events: those that are wanted, out. */
static int feed_write(struct webhook_feed *f, const char *app_id, struct feed_app *a,
		      const json_t *now, json_t *events, struct error *e)
{
	struct feed_parts p = { f->store, app_id };
	auto_json *what = a->seen ? snapshot_events(a->seen, now) : json_array();
	json_t *it;
	size_t i;
	int r = webhook_store_begin(f->store, e);

	json_array_foreach(what, i, it) {
		auto_json *event = feed_event(a, it);

		if (r >= 0)
			r = feed_tell(f, app_id, a, event, e);
		if (r > 0)
			json_array_append(events, event);
	}
	if (r >= 0)
		r = snapshot_walk_changes(a->seen, now, feed_store_part, &p, e);
	if (r >= 0)
		r = webhook_store_commit(f->store, e);
	webhook_store_rollback(f->store);
	return r;
}

/* What could not be stored has not been seen: the next look finds it again. */
static int feed_compare(struct webhook_feed *f, const char *app_id,
			struct feed_app *a, json_t *now, struct error *e)
{
	auto_json *events = json_array();
	int r;

	snapshot_keep_unheard(a->seen, now);
	if (json_equal(a->seen, now))
		return 0;
	r = feed_write(f, app_id, a, now, events, e);
	deliveries_settle(f->deliveries, r >= 0);
	if (r < 0)
		return r;
	json_array_extend(a->events, events);
	while (json_array_size(a->events) > WEBHOOK_STORE_EVENTS)
		json_array_remove(a->events, 0);
	json_decref(a->seen);
	a->seen = json_incref(now);
	return 0;
}

static int feed_look(struct webhook_feed *f, const char *app_id,
		     struct feed_app *a, struct error *e)
{
	auto_json *now = NULL;
	auto_doc app = DOC_INIT;
	int r = apps_find(f->g, app_id, &app, e);

	if (r == 0)
		r = feed_read_hooks(f, app_id, a, e);
	if (r == 0 && json_array_size(a->hooks) > 0)
		r = feed_snapshot(f, app.j, &now, e);
	if (r != 0 || !now)
		return r;
	return feed_compare(f, app_id, a, now, e);
}

static void feed_forget(struct webhook_feed *f, const char *app_id)
{
	struct error e;

	deliveries_forget(f->deliveries, app_id);
	if (webhook_store_forget(f->store, app_id, &e) < 0)
		log_err("forget the webhooks of app %s: %s, ignoring", app_id, e.msg);
}

static void feed_later(struct webhook_feed *f);

void webhook_feed_look(struct webhook_feed *f, const char *app_id)
{
	struct feed_app *a = map_get(&f->apps, app_id);
	struct error e;
	int r = 0;

	if (!a)
		return;
	a->dirty = false;
	r = feed_look(f, app_id, a, &e);
	if (r < 0) {
		log_err("webhooks of app %s: %s, will retry", app_id, e.msg);
		a->dirty = true;
		feed_later(f);
	} else if (r > 0 || json_array_size(a->hooks) == 0) {
		/* No app any more, or none that is listened to. */
		feed_forget(f, app_id);
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

static int on_feed_retry(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct webhook_feed *f = userdata;

	f->retry = loop_unref(f->retry);
	feed_soon(f);
	return 0;
}

static void feed_later(struct webhook_feed *f)
{
	struct error e;

	if (!f->retry && loop_timer(f->event, &f->retry, FEED_RETRY_USEC,
				    on_feed_retry, f, "webhooks again", &e) < 0)
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

/* An app with webhooks: what is known of it, and what has happened since. */
static int feed_restore(struct webhook_feed *f, const char *app_id, json_t *hooks,
			struct error *e)
{
	struct feed_app *a = map_get(&f->apps, app_id);
	json_t *events = NULL;
	int r = webhook_store_snapshot(f->store, app_id, &a->seen, e);

	if (r == 0)
		r = webhook_store_events(f->store, app_id, &events, e);
	if (r == 0) {
		json_decref(a->events);
		a->events = events;
		json_decref(a->hooks);
		a->hooks = json_incref(hooks);
		r = deliveries_restore(f->deliveries, app_id, hooks, e);
	}
	if (r == 0)
		webhook_feed_look(f, app_id);
	return r;
}

static int feed_start_app(struct webhook_feed *f, const char *app_id, struct error *e)
{
	auto_json *hooks = NULL;
	int r = webhooks_list(f->g, app_id, &hooks, e);

	if (r < 0 || json_array_size(hooks) == 0)
		return r;
	feed_dirty(f, feed_add(f, app_id));
	return feed_restore(f, app_id, hooks, e);
}

/* Of apps and webhooks that went when the process did. */
static int feed_collect(struct webhook_feed *f, struct error *e)
{
	auto_strv apps = STRV_INIT;
	int r = webhook_store_apps(f->store, &apps, e);

	for (size_t i = 0; r == 0 && i < apps.n; i++)
		if (!map_get(&f->apps, apps.v[i]))
			r = webhook_store_forget(f->store, apps.v[i], e);
	return r;
}

int webhook_feed_start(struct webhook_feed *f, struct error *e)
{
	auto_json *apps = NULL;
	json_t *app;
	size_t i;
	int r = apps_list(f->g, &apps, e);

	json_array_foreach(apps, i, app)
		if (r == 0)
			r = feed_start_app(f, json_str(app, "id"), e);
	return r == 0 ? feed_collect(f, e) : r;
}

int webhook_feed_new(struct webhook_feed **ret, sd_event *event, struct engine *g,
		     const struct webhook_feed_spec *spec, struct error *e)
{
	auto_(webhook_feed_free_p) struct webhook_feed *f = xcalloc(1, sizeof(*f));
	auto_free char *path = xasprintf("%s/webhooks.db", spec->dir);
	int r;

	f->event = event;
	f->g = g;
	f->base = spec->base;
	f->apps = MAP_INIT;
	r = webhook_store_open(&f->store, path, e);
	if (r == 0)
		r = deliveries_new(&f->deliveries, event, spec->networks, f->store, e);
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
	loop_unref(f->retry);
	deliveries_free(f->deliveries);
	webhook_store_free(f->store);
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

uint64_t webhook_feed_dropped(const struct webhook_feed *f, const char *hook_id)
{
	uint64_t n = 0;
	struct error e;

	if (webhook_store_dropped(f->store, hook_id, &n, &e) < 0)
		log_err("count of dropped deliveries: %s, ignoring", e.msg);
	return n;
}
