/*
 * dynos.c - the set of wanted dynos and its changes.
 */
#include "base/error.h"
#include "controller/model/dynos.h"
#include "controller/engine.h"
#include "controller/model/formation.h"
#include "controller/model/outcome.h"
#include "controller/model/preboot.h"
#include "controller/model/release_phase.h"
#include "controller/model/release_switch.h"
#include "controller/model/sleep.h"

#include <stdio.h>

/* "web.2" before "web.10". */
static int dynos_order(const void *a, const void *b)
{
	const char *x = json_str(((const struct doc *)a)->j, "name");
	const char *y = json_str(((const struct doc *)b)->j, "name");

	return strverscmp(x ? x : "", y ? y : "");
}

static int dynos_read(struct engine *g, const char *app_id, bool all,
		      json_t **ret, struct error *e)
{
	auto_doc_list docs = DOC_LIST_INIT;
	json_t *out;
	int r = doc_list(g->state, &docs, e, "/apps/%s/dynos/", app_id);

	if (r < 0)
		return r;
	if (docs.n)
		qsort(docs.v, docs.n, sizeof(*docs.v), dynos_order);
	out = json_array();
	for (size_t i = 0; i < docs.n; i++)
		if (all || (!json_str(docs.v[i].j, "retiring") &&
			    !json_str(docs.v[i].j, "inside")))
			json_array_append(out, docs.v[i].j);
	*ret = out;
	return 0;
}

int dynos_list(struct engine *g, const char *app_id, json_t **ret,
	       struct error *e)
{
	return dynos_read(g, app_id, false, ret, e);
}

int dynos_list_all(struct engine *g, const char *app_id, json_t **ret,
		   struct error *e)
{
	return dynos_read(g, app_id, true, ret, e);
}

static int dynos_find_name(struct engine *g, const char *app_id,
			   const char *name, struct doc *ret, struct error *e)
{
	auto_doc_list docs = DOC_LIST_INIT;
	int r = doc_list(g->state, &docs, e, "/apps/%s/dynos/", app_id);

	for (size_t i = 0; r == 0 && i < docs.n; i++) {
		const char *s = json_str(docs.v[i].j, "name");

		if (s && str_eq(s, name) && !json_str(docs.v[i].j, "retiring")) {
			*ret = docs.v[i];
			docs.v[i] = DOC_INIT;
			return 0;
		}
	}
	return r < 0 ? r : STATE_ABSENT;
}

int dynos_find(struct engine *g, const char *app_id, const char *which,
	       struct doc *ret, struct error *e)
{
	int r = id_is_uuid(which)
		? doc_get(g->state, ret, e, "/apps/%s/dynos/%s", app_id, which)
		: dynos_find_name(g, app_id, which, ret, e);

	if (r == STATE_ABSENT)
		return outcome_set(e, OUTCOME_NO_DYNO,
				   "Couldn't find that dyno (%.100s).", which);
	return r;
}

int dynos_formation(struct engine *g, const char *app_id, json_t **ret,
		    struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = doc_get(g->state, &d, e, "/apps/%s/formation", app_id);
	json_t *entries;

	if (r < 0)
		return r;
	entries = r == 0 ? json_object_get(d.j, "entries") : NULL;
	*ret = json_is_array(entries) ? json_incref(entries) : json_array();
	return 0;
}

void dynos_remove(struct change *c, const char *app_id, const json_t *dyno)
{
	const char *id = json_str(dyno, "id"), *host = json_str(dyno, "host");
	const char *secret = json_str(dyno, "secret");

	change_delete(c, "/apps/%s/dynos/%s", app_id, id);
	if (host && *host)
		change_delete(c, "/host-dynos/%s/%s", host, id);
	else
		change_delete(c, "/unplaced/%s", id);
	if (secret)
		change_delete(c, "/attach/%s", secret);
	change_touch_host(c, host ? host : "");
}

int dynos_add(struct change *c, const char *app_id, json_t *dyno,
	      struct error *e)
{
	auto_json *index = json_pack("{s:s}", "app", app_id);
	char id[UUID_TEXT_MAX], name[64];
	const char *host, *old = json_str(dyno, "host");
	bool stays = json_str(dyno, "inside");
	int r = stays ? 0 : change_place(c, &host, e);

	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%s", stays || (!*host && old) ? old : host);
	host = name;
	json_object_set_new(dyno, "id", json_string(id_uuid(id)));
	json_object_set_new(dyno, "host", json_string(host));
	json_object_set_new(dyno, "created_at", json_string(c->now));
	change_put_sealed(c, dyno, "env", "/apps/%s/dynos/%s", app_id, id);
	if (*host)
		change_put(c, index, "/host-dynos/%s/%s", host, id);
	else
		change_put(c, index, "/unplaced/%s", id);
	change_touch_host(c, host);
	return 0;
}

static int dynos_add_planned(struct change *c, const json_t *app,
			     const json_t *formation, const json_t *add,
			     bool count_restart, struct error *e)
{
	const char *type = json_str(add, "type");
	const json_t *entry = formation_find(formation, type);
	int64_t restart = json_int(json_object_get(add, "old"), "restart", 0);
	auto_json *dyno = json_pack("{s:s, s:s, s:s?, s:s, s:I, s:s, s:s}",
		"name", json_str(add, "name"), "type", type,
		"host", json_str(json_object_get(add, "old"), "host"),
		"kind", "formation",
		"release", (json_int_t)release_switch_current(app),
		"size", json_str(entry, "size"),
		"command", json_str(entry, "command"));

	if (count_restart && json_object_get(add, "old"))
		json_object_set_new(dyno, "restart", json_integer(restart + 1));
	return dynos_add(c, json_str(app, "id"), dyno, e);
}

static int dynos_carry_out(struct change *c, const json_t *app,
			   const json_t *formation, const struct dyno_plan *plan,
			   bool count_restart, struct error *e)
{
	const char *app_id = json_str(app, "id");
	json_t *it;
	size_t i;
	int r = 0;

	json_array_foreach(plan->remove, i, it)
		dynos_remove(c, app_id, it);
	json_array_foreach(plan->retire, i, it)
		preboot_retire(c, app_id, it);
	json_array_foreach(plan->add, i, it)
		if (r == 0)
			r = dynos_add_planned(c, app, formation, it,
					      count_restart, e);
	return r;
}

/* The rest of spec is the caller's. */
static int dynos_plan(struct change *c, const json_t *app,
		      struct dyno_plan_spec *spec, bool count_restart,
		      struct error *e)
{
	auto_json *dynos = NULL;
	struct dyno_plan plan;
	int r = dynos_list(c->g, json_str(app, "id"), &dynos, e);

	if (r == 0)
		r = sleep_end(c, json_str(app, "id"), e);
	if (r < 0)
		return r;
	spec->dynos = dynos;
	dyno_plan_make(spec, &plan);
	r = dynos_carry_out(c, app, spec->formation, &plan, count_restart, e);
	dyno_plan_deinit(&plan);
	return r;
}

int dynos_arrange(struct change *c, const json_t *app, const json_t *formation,
		  enum dyno_scope scope, const void *which, bool count_restart,
		  struct error *e)
{
	return dynos_plan(c, app, &(struct dyno_plan_spec){
		.formation = formation, .scope = scope,
		.which = scope == DYNO_SCOPE_TYPES ? NULL : which,
		.types = scope == DYNO_SCOPE_TYPES ? which : NULL,
	}, count_restart, e);
}

int dynos_replace(struct change *c, const json_t *app, const json_t *formation,
		  bool beside, struct error *e)
{
	return dynos_plan(c, app, &(struct dyno_plan_spec){
		.formation = formation, .scope = DYNO_SCOPE_ALL,
		.beside = beside ? "web" : NULL,
	}, false, e);
}

int dynos_restart(struct engine *g, const struct doc *app,
		  enum dyno_scope scope, const char *which, struct error *e)
{
	auto_json *formation = NULL;
	auto_change c = change_begin(g);
	int r = dynos_formation(g, json_str(app->j, "id"), &formation, e);

	if (r == 0 && scope == DYNO_SCOPE_TYPE && !formation_find(formation, which))
		return outcome_set(e, OUTCOME_NO_TYPE, "Couldn't find that process "
				   "type (%.60s).", which);
	if (r == 0)
		r = dynos_arrange(&c, app->j, formation, scope, which, true, e);
	if (r != 0)
		return r;
	change_app(&c, app);
	return change_commit(&c, e);
}

int dynos_move(struct engine *g, const struct doc *app, const char *host,
	       uint64_t now, struct error *e)
{
	auto_json *formation = NULL;
	auto_change c = change_begin(g);
	int r = dynos_formation(g, json_str(app->j, "id"), &formation, e);

	c.awake = now;
	if (r == 0)
		r = dynos_arrange(&c, app->j, formation, DYNO_SCOPE_HOST, host, false,
				  e);
	if (r != 0 || c.hosts.n == 0)
		return r;
	change_app(&c, app);
	return change_commit(&c, e);
}

int dynos_stop(struct engine *g, const struct doc *app, const json_t *dyno,
	       struct error *e)
{
	auto_change c = change_begin(g);

	if (str_eq(json_str(dyno, "kind"), "formation"))
		return dynos_restart(g, app, DYNO_SCOPE_ID, json_str(dyno, "id"),
				     e);
	if (json_flag(dyno, "phase", false))
		return release_phase_end(g, json_str(app->j, "id"), dyno, -1,
					 "it was stopped", e);
	dynos_remove(&c, json_str(app->j, "id"), dyno);
	change_app(&c, app);
	return change_commit(&c, e);
}

int dynos_succeed(struct engine *g, const char *app_id, const char *id,
		  const char *successor, struct error *e)
{
	auto_doc d = DOC_INIT;
	auto_change c = change_begin(g);
	auto_json *index = json_pack("{s:s}", "app", app_id);
	const char *host;
	int r = doc_get(g->state, &d, e, "/apps/%s/dynos/%s", app_id, id);

	if (r != 0 || !str_eq(json_str(d.j, "kind"), "formation"))
		return r < 0 ? r : 0;
	host = json_str(d.j, "host");
	change_expect(&c, &d);
	dynos_remove(&c, app_id, d.j);
	json_object_set_new(d.j, "id", json_string(successor));
	json_object_set_new(d.j, "created_at", json_string(c.now));
	change_put(&c, d.j, "/apps/%s/dynos/%s", app_id, successor);
	change_put(&c, index, "/host-dynos/%s/%s", host, successor);
	return change_commit(&c, e);
}

int dynos_complete(struct engine *g, const char *app_id, const char *id,
		   int64_t exit_status, bool stopped, struct error *e)
{
	auto_doc d = DOC_INIT;
	auto_change c = change_begin(g);
	int r = doc_get(g->state, &d, e, "/apps/%s/dynos/%s", app_id, id);

	if (r != 0 || !str_eq(json_str(d.j, "kind"), "run"))
		return r < 0 ? r : 0;
	if (json_flag(d.j, "phase", false))
		return release_phase_end(g, app_id, d.j, exit_status,
					 stopped ? "it was stopped" : NULL, e);
	change_expect(&c, &d);
	dynos_remove(&c, app_id, d.j);
	return change_commit(&c, e);
}
