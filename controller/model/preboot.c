/*
 * preboot.c - two generations of web dynos.
 */
#include "base/error.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/dynos.h"
#include "controller/model/features.h"
#include "controller/model/formation.h"
#include "controller/model/live.h"
#include "controller/model/preboot.h"

/* Until every router has the new routes. */
#define PREBOOT_ROUTES_SEC 5

static bool preboot_is_web(const json_t *dyno)
{
	return str_eq(json_str(dyno, "kind"), "formation") &&
	       str_eq(json_str(dyno, "type"), "web");
}

static bool preboot_is(const json_t *dyno, const char *how)
{
	const char *s = json_str(dyno, "retiring");

	return s && str_eq(s, how);
}

static bool preboot_is_up(struct engine *g, const json_t *dyno, uint64_t now)
{
	const struct live_dyno *d = live_get(g->live, json_str(dyno, "id"));

	return d && str_eq(d->state, "up") && live_host_up(g->live, d->host, now);
}

static void preboot_mark(struct change *c, const char *app_id, const json_t *dyno,
			 const char *how)
{
	auto_json *copy = json_copy((json_t *)(uintptr_t)dyno);

	json_object_set_new(copy, "retiring", json_string(how));
	change_put(c, copy, "/apps/%s/dynos/%s", app_id, json_str(dyno, "id"));
}

void preboot_retire(struct change *c, const char *app_id, const json_t *dyno)
{
	preboot_mark(c, app_id, dyno, "serving");
}

/* ---- a release ---- */

static void preboot_time(struct change *c, const char *app_id)
{
	uint64_t window = c->g->conf->preboot_window;
	uint64_t until = clock_real_usec() / USEC_PER_SEC + window;
	auto_json *index = json_pack("{s:I, s:I}", "until", (json_int_t)until,
				     "latest", (json_int_t)(until + window));

	change_put(c, index, "/preboots/%s", app_id);
}

int preboot_begin(struct change *c, const char *app_id, const json_t *formation,
		  bool *ret_beside, struct error *e)
{
	auto_json *dynos = NULL;
	bool on, serving = false, web = false;
	json_t *dyno;
	size_t i;
	int r = features_on(c->g, app_id, FEATURES_PREBOOT, e);

	on = r == 1 && json_int(formation_find(formation, "web"), "quantity", 0) > 0;
	if (r >= 0)
		r = dynos_list_all(c->g, app_id, &dynos, e);
	if (r < 0)
		return r;
	json_array_foreach(dynos, i, dyno) {
		if (on && preboot_is(dyno, "serving"))
			serving = true;
		else if (json_str(dyno, "retiring"))
			dynos_remove(c, app_id, dyno);
		else
			web |= preboot_is_web(dyno);
	}
	if (on && (serving || web))
		preboot_time(c, app_id);
	else
		change_delete(c, "/preboots/%s", app_id);
	*ret_beside = on && !serving;
	return 0;
}

bool preboot_is_serving(struct engine *g, const json_t *dynos, uint64_t now)
{
	json_t *dyno;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)dynos, i, dyno)
		if (preboot_is(dyno, "serving") && preboot_is_up(g, dyno, now))
			return true;
	return false;
}

/* ---- time ---- */

static bool preboot_are_up(struct engine *g, const json_t *dynos, uint64_t now)
{
	json_t *dyno;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)dynos, i, dyno)
		if (preboot_is_web(dyno) && !json_str(dyno, "retiring") &&
		    !preboot_is_up(g, dyno, now))
			return false;
	return true;
}

/* Whether the routes may change. Nothing is awaited if web was scaled to nothing. */
static bool preboot_is_due(struct engine *g, const struct doc *index,
			   const json_t *dynos, uint64_t now, int64_t now_sec)
{
	bool awaited = false;
	json_t *dyno;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)dynos, i, dyno)
		awaited |= preboot_is_web(dyno) && !json_str(dyno, "retiring");
	return !awaited || now_sec >= json_int(index->j, "latest", 0) ||
	       (now_sec >= json_int(index->j, "until", 0) &&
		preboot_are_up(g, dynos, now));
}

static void preboot_switch(struct change *c, const struct doc *index,
			   const json_t *dynos, int64_t now_sec)
{
	json_t *dyno;
	size_t i;

	json_object_set_new(index->j, "drop",
			    json_integer(now_sec + PREBOOT_ROUTES_SEC));
	json_array_foreach((json_t *)(uintptr_t)dynos, i, dyno)
		if (json_str(dyno, "retiring"))
			preboot_mark(c, doc_name(index), dyno, "leaving");
	change_put(c, index->j, "%s", index->key);
}

static void preboot_drop(struct change *c, const struct doc *index,
			 const json_t *dynos)
{
	json_t *dyno;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)dynos, i, dyno)
		if (json_str(dyno, "retiring"))
			dynos_remove(c, doc_name(index), dyno);
	change_delete(c, "%s", index->key);
}

static int preboot_look(struct engine *g, const struct doc *index, uint64_t now,
			int64_t now_sec, struct error *e)
{
	int64_t drop = json_int(index->j, "drop", 0);
	auto_json *dynos = NULL;
	auto_change c = change_begin(g);
	auto_doc app = DOC_INIT;
	int r = doc_get(g->state, &app, e, "/apps/%s", doc_name(index));

	if (r == 0)
		r = dynos_list_all(g, doc_name(index), &dynos, e);
	if (r < 0)
		return r;
	if (r == 0 && (drop ? now_sec < drop :
		       !preboot_is_due(g, index, dynos, now, now_sec)))
		return 0;
	change_expect(&c, index);
	if (r == 0)
		change_app(&c, &app);
	if (r == 0 && !drop)
		preboot_switch(&c, index, dynos, now_sec);
	else
		preboot_drop(&c, index, dynos);
	return change_commit(&c, e);
}

int preboot_tick(struct engine *g, uint64_t now, uint64_t real, struct error *e)
{
	auto_doc_list windows = DOC_LIST_INIT;
	int r = doc_list(g->state, &windows, e, "/preboots/");

	for (size_t i = 0; r >= 0 && i < windows.n; i++)
		r = preboot_look(g, &windows.v[i], now,
				 (int64_t)(real / USEC_PER_SEC), e);
	return r < 0 ? r : 0;
}
