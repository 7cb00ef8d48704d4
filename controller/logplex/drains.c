/*
 * drains.c - the state is looked at again for every app whose drains have changed.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/strv.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/logplex/drain.h"
#include "controller/logplex/drain_cursors.h"
#include "controller/logplex/drain_docs.h"
#include "controller/logplex/drain_networks.h"
#include "controller/logplex/drains.h"
#include "controller/model/apps.h"

#include <stdio.h>
#include <unistd.h>

#define SAVE_USEC (1 * USEC_PER_SEC)

struct drains {
	struct engine *g;
	struct drain_place place;
	struct map drains;		/* by id */
	struct state_watch *watch;
	struct strv apps;		/* to look at again */
	sd_event_source *look, *save;
	bool saving;			/* the timer runs */
};

/* ---- cursors ---- */

static void drains_save(struct drains *d)
{
	struct error e;
	int r = drain_cursors_begin(d->place.cursors, &e);

	for (struct map_iter it = { 0 }; r == 0 && map_next(&d->drains, &it); )
		r = drain_save(it.value, &e);
	if (r == 0)
		r = drain_cursors_commit(d->place.cursors, &e);
	drain_cursors_rollback(d->place.cursors);
	if (r < 0)
		log_err("save the cursors of drains: %s", e.msg);
}

static int on_drains_save(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct drains *d = userdata;

	d->saving = false;
	drains_save(d);
	return 0;
}

static void on_drains_moved(void *userdata)
{
	struct drains *d = userdata;
	struct error e;

	if (d->saving)
		return;
	if (loop_timer(d->place.event, &d->save, SAVE_USEC, on_drains_save, d,
		       "drain cursors", &e) < 0)
		log_err("%s", e.msg);
	else
		d->saving = true;
}

/* ---- which there are ---- */

static void drains_end(struct drains *d, struct drain *drain)
{
	struct error e;

	map_remove(&d->drains, drain_id(drain));
	if (drain_cursors_forget(d->place.cursors, drain_id(drain), &e) < 0)
		log_warn("forget drain %s: %s, ignoring", drain_id(drain), e.msg);
	drain_free(drain);
}

static int drains_begin(struct drains *d, const char *app_id, const struct doc *doc,
			struct error *e)
{
	const char *id = json_str(doc->j, "id"), *url = json_str(doc->j, "url");
	struct drain *drain = map_get(&d->drains, id);
	int r;

	if (drain)
		return drain_set_url(drain, url, e);
	r = drain_new(&drain, &d->place, &(struct drain_spec){
		.id = id, .app = app_id, .token = json_str(doc->j, "token"),
		.url = url, .after = (uint64_t)json_int(doc->j, "after", 0),
	}, e);
	if (r == 0)
		map_set(&d->drains, id, drain);
	return r;
}

static bool drains_listed(const struct doc_list *docs, const char *id)
{
	for (size_t i = 0; i < docs->n; i++)
		if (str_eq(json_str(docs->v[i].j, "id"), id))
			return true;
	return false;
}

/* fresh: none of them runs yet. Returns whether all of them run now. */
static bool drains_look_at(struct drains *d, const char *app_id, bool fresh)
{
	auto_doc_list docs = DOC_LIST_INIT;
	bool all = true;
	struct error e;

	if (drain_docs_list(d->g, app_id, &docs, &e) < 0) {
		log_err("drains of app %s: %s", app_id, e.msg);
		return false;
	}
	for (struct map_iter it = { 0 }; !fresh && map_next(&d->drains, &it); )
		if (str_eq(drain_app(it.value), app_id) &&
		    !drains_listed(&docs, it.key))
			drains_end(d, it.value);
	for (size_t i = 0; i < docs.n; i++)
		if (drains_begin(d, app_id, &docs.v[i], &e) < 0) {
			log_err("drain %s: %s", doc_name(&docs.v[i]), e.msg);
			all = false;
		}
	return all;
}

static int on_drains_look(sd_event_source *src, void *userdata)
{
	struct drains *d = userdata;
	struct strv apps = d->apps;

	d->apps = STRV_INIT;
	for (size_t i = 0; i < apps.n; i++)
		drains_look_at(d, apps.v[i], false);
	strv_deinit(&apps);
	return 0;
}

static void on_drains_changed(const char *key, const char *value, uint64_t revision,
			      void *userdata)
{
	struct drains *d = userdata;
	const char *id = str_after(key, "/apps/");
	char app[UUID_TEXT_MAX];

	if (!id || strlen(id) < UUID_TEXT_MAX ||
	    !str_after(id + UUID_TEXT_MAX - 1, "/drains/"))
		return;
	snprintf(app, sizeof(app), "%.36s", id);
	if (!strv_has(&d->apps, app))
		strv_add(&d->apps, app);
	sd_event_source_set_enabled(d->look, SD_EVENT_ONESHOT);
}

static bool drains_has(const char *id, void *userdata)
{
	const struct drains *d = userdata;

	return map_get(&d->drains, id) != NULL;
}

static int drains_load(struct drains *d, struct error *e)
{
	auto_json *apps = NULL;
	bool all = true;
	json_t *app;
	size_t i;
	int r = apps_list(d->g, &apps, e);

	if (r < 0)
		return r;
	json_array_foreach(apps, i, app)
		all &= drains_look_at(d, json_str(app, "id"), true);
	if (!all)
		return 0;
	/* A crash may have come before the cursor of a drain that is gone went. */
	return drain_cursors_collect(d->place.cursors, drains_has, d, e);
}

/* ---- life ---- */

static int drains_prepare(struct drains *d, sd_event *event, const char *dir,
			  struct error *e)
{
	const struct controller_conf *conf = d->g->conf;
	auto_free char *path = xasprintf("%s/drains.db", dir);
	int r;

	d->place = (struct drain_place){
		.event = event, .logs = d->g->logs, .buffer = conf->drain_buffer,
		.ca_file = *conf->drain_ca_file ? conf->drain_ca_file : NULL,
		.on_moved = on_drains_moved, .userdata = d,
	};
	r = drain_networks_new(&d->place.networks, conf->drain_networks, e);
	if (r < 0)
		return error_prefix(e, r, "drain-networks");
	if (d->place.ca_file && access(d->place.ca_file, R_OK) < 0)
		return error_sys(e, "drain-ca-file: read %s", d->place.ca_file);
	r = drain_cursors_open(&d->place.cursors, path, e);
	if (r < 0)
		return r;
	r = sd_event_add_defer(event, &d->look, on_drains_look, d);
	if (r < 0)
		return error_ret(e, r, "watch for drains");
	sd_event_source_set_description(d->look, "drains");
	sd_event_source_set_enabled(d->look, SD_EVENT_OFF);
	return 0;
}

int drains_new(struct drains **ret, sd_event *event, struct engine *g,
	       const char *dir, struct error *e)
{
	auto_(drains_free_p) struct drains *d = xcalloc(1, sizeof(*d));
	int r;

	d->g = g;
	r = drains_prepare(d, event, dir, e);
	if (r == 0)
		r = drains_load(d, e);
	if (r < 0)
		return r;
	d->watch = state_watch_new(g->state, "/apps/", on_drains_changed, d);
	*ret = take_ptr(d);
	return 0;
}

struct drains *drains_free(struct drains *d)
{
	if (!d)
		return NULL;
	state_watch_free(d->watch);
	if (d->place.cursors)
		drains_save(d);
	for (struct map_iter it = { 0 }; map_next(&d->drains, &it); )
		drain_free(it.value);
	map_deinit(&d->drains);
	loop_unref(d->look);
	loop_unref(d->save);
	strv_deinit(&d->apps);
	drain_networks_free(d->place.networks);
	drain_cursors_free(d->place.cursors);
	free(d);
	return NULL;
}

const struct drain_networks *drains_networks(const struct drains *d)
{
	return d->place.networks;
}

json_t *drains_stats(const struct drains *d, const char *app_id)
{
	json_t *list = json_array();

	for (struct map_iter it = { 0 }; map_next(&d->drains, &it); )
		if (str_eq(drain_app(it.value), app_id))
			json_array_append_new(list, drain_stats(it.value));
	return list;
}
