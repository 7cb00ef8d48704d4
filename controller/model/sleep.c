/*
 * sleep.c - who was asked when, and the key that says who sleeps.
 */
#include "base/error.h"
#include "base/log.h"
#include "base/map.h"
#include "controller/engine.h"
#include "controller/model/apps.h"
#include "controller/model/dynos.h"
#include "controller/model/formation.h"
#include "controller/model/outcome.h"
#include "controller/model/sizes.h"
#include "controller/model/sleep.h"

#define LOOKS 20			/* within the time after which one sleeps */
#define ROUTED_USEC (USEC_PER_SEC / 2)	/* routers are quicker than that */

struct sleepers {
	struct engine *g;
	uint64_t after;			/* usec */
	uint64_t look_at;
	struct map used;		/* app -> uint64_t *: when */
};

/* ---- the key ---- */

int sleep_is(struct engine *g, const char *app_id, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = doc_get(g->state, &d, e, "/apps/%s/sleep/since", app_id);

	if (r != 0)
		return r < 0 ? r : 0;
	return json_flag(d.j, "told", false) ? SLEEP_TOLD : SLEEP_ROUTED;
}

static int sleep_tell_hosts(struct change *c, const char *app_id, struct error *e)
{
	auto_json *dynos = NULL;
	json_t *dyno;
	size_t i;
	int r = dynos_list(c->g, app_id, &dynos, e);

	json_array_foreach(dynos, i, dyno)
		if (str_eq(json_str(dyno, "kind"), "formation") &&
		    json_str(dyno, "host"))
			change_touch_host(c, json_str(dyno, "host"));
	return r;
}

int sleep_end(struct change *c, const char *app_id, struct error *e)
{
	int r = sleep_is(c->g, app_id, e);

	if (r <= 0)
		return r;
	change_delete(c, "/apps/%s/sleep/since", app_id);
	return sleep_tell_hosts(c, app_id, e);
}

static int sleep_put(struct engine *g, const char *app_id, bool told,
		     struct error *e)
{
	auto_change c = change_begin(g);
	auto_json *doc = json_pack("{s:s, s:b}", "since", c.now, "told", told);
	int r = told ? sleep_tell_hosts(&c, app_id, e) : 0;

	change_put(&c, doc, "/apps/%s/sleep/since", app_id);
	return r < 0 ? r : change_commit(&c, e);
}

/* ---- who was asked when ---- */

struct sleepers *sleepers_new(struct engine *g, uint64_t after_sec)
{
	struct sleepers *s = xcalloc(1, sizeof(*s));

	s->g = g;
	s->after = after_sec * USEC_PER_SEC;
	s->used = MAP_INIT;
	return s;
}

struct sleepers *sleepers_free(struct sleepers *s)
{
	if (!s)
		return NULL;
	for (struct map_iter it = { 0 }; map_next(&s->used, &it); )
		free(it.value);
	map_deinit(&s->used);
	free(s);
	return NULL;
}

static void sleepers_note(struct sleepers *s, const char *app_id, uint64_t now)
{
	uint64_t *when = map_get(&s->used, app_id);

	if (!when) {
		when = xmalloc(sizeof(*when));
		map_set(&s->used, app_id, when);
	}
	*when = now;
}

int sleepers_used(struct sleepers *s, const char *name, uint64_t now, struct error *e)
{
	auto_doc app = DOC_INIT;
	auto_change c = change_begin(s->g);
	const char *id;
	int r = apps_find(s->g, name, &app, e);

	if (r != 0)
		return r == OUTCOME_NO_APP ? 0 : r;
	id = json_str(app.j, "id");
	sleepers_note(s, id, now);
	r = sleep_is(s->g, id, e);
	if (r <= 0)
		return r;
	r = sleep_end(&c, id, e);
	return r < 0 ? r : change_commit(&c, e);
}

/* 1 or 0. */
static int sleepers_may(struct sleepers *s, const char *app_id, struct error *e)
{
	auto_json *formation = NULL;
	const struct size *size;
	const json_t *web;
	int r = dynos_formation(s->g, app_id, &formation, e);

	if (r < 0)
		return r;
	web = formation_find(formation, "web");
	if (!web || json_int(web, "quantity", 0) <= 0 || !json_str(web, "size"))
		return 0;
	size = sizes_find(json_str(web, "size"));
	return size && size->sleeps;
}

static int sleepers_look(struct sleepers *s, const char *app_id, const char *name,
			 uint64_t now, struct error *e)
{
	const uint64_t *used = map_get(&s->used, app_id);
	auto_change c = change_begin(s->g);
	int may = sleepers_may(s, app_id, e);
	int asleep = may < 0 ? may : sleep_is(s->g, app_id, e);

	if (asleep < 0)
		return asleep;
	/* Whoever wakes it begins a new time. */
	if (!used || asleep)
		sleepers_note(s, app_id, now);
	if (asleep && !may) {			/* of another size now, say */
		asleep = sleep_end(&c, app_id, e);
		return asleep < 0 ? asleep : change_commit(&c, e);
	}
	if (asleep == SLEEP_ROUTED)
		return sleep_put(s->g, app_id, true, e);
	if (asleep || !may || !used || now < *used + s->after)
		return 0;
	log_info("%s: no request for %llu s, it sleeps", name,
		 (unsigned long long)(s->after / USEC_PER_SEC));
	s->look_at = now + ROUTED_USEC;
	return sleep_put(s->g, app_id, false, e);
}

/* Apps that are gone are no longer of interest. */
static void sleepers_prune(struct sleepers *s, const json_t *apps)
{
	struct map old = s->used;
	json_t *app;
	size_t i;

	s->used = MAP_INIT;
	json_array_foreach((json_t *)(uintptr_t)apps, i, app) {
		const char *id = json_str(app, "id");
		void *when = map_remove(&old, id);

		if (when)
			map_set(&s->used, id, when);
	}
	for (struct map_iter it = { 0 }; map_next(&old, &it); )
		free(it.value);
	map_deinit(&old);
}

int sleepers_tick(struct sleepers *s, uint64_t now, struct error *e)
{
	auto_json *apps = NULL;
	json_t *app;
	size_t i;
	int r;

	if (!s->after || now < s->look_at)
		return 0;
	s->look_at = now + s->after / LOOKS;
	r = apps_list(s->g, &apps, e);
	if (r == 0)
		sleepers_prune(s, apps);
	json_array_foreach(apps, i, app)
		if (r >= 0)
			r = sleepers_look(s, json_str(app, "id"), json_str(app, "name"),
					  now, e);
	return r < 0 ? r : 0;
}
