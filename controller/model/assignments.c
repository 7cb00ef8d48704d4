/*
 * assignments.c - what a host is told to run: wanted dynos, each with its
 * app, release, slug, config and size in full.
 */
#include "base/error.h"
#include "controller/access/vault.h"
#include "controller/model/assignments.h"
#include "controller/engine.h"
#include "controller/model/features.h"
#include "controller/model/releases.h"
#include "controller/model/sizes.h"
#include "controller/model/sleep.h"

struct assignments {
	struct engine *g;
	json_t *apps;			/* id -> doc; many dynos share few */
	json_t *releases;		/* "app/version" -> {id, version, slug, env} */
	json_t *metrics;		/* app id -> whether metrics are logged, */
	json_t *sleeping;		/* and whether it sleeps */
};

static int assignments_app(struct assignments *a, const char *id,
			   const json_t **ret, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r;

	*ret = json_object_get(a->apps, id);
	if (*ret)
		return 0;
	r = doc_get(a->g->state, &d, e, "/apps/%s", id);
	if (r != 0)
		return r;
	json_object_set(a->apps, id, d.j);
	*ret = d.j;			/* the map holds a reference */
	return 0;
}

static int assignments_slug(struct assignments *a, const char *id,
			    json_t **ret, struct error *e)
{
	auto_doc d = DOC_INIT;
	auto_free char *path = NULL;
	int r;

	*ret = json_null();
	if (!id)
		return 0;
	r = doc_get(a->g->state, &d, e, "/slugs/%s", id);
	if (r != 0)
		return r < 0 ? r : 0;
	path = xasprintf("/upstream/v1/slugs/%s", json_str(d.j, "sha256"));
	*ret = json_pack("{s:O, s:O, s:s}",
			 "sha256", json_object_get(d.j, "sha256"),
			 "size", json_object_get(d.j, "size"), "path", path);
	return 0;
}

static int assignments_read_release(struct assignments *a, const char *app,
				    int64_t version, json_t **ret,
				    struct error *e)
{
	auto_json *vars = NULL, *slug = NULL;
	auto_doc d = DOC_INIT;
	int r = doc_get(a->g->state, &d, e, "/apps/%s/releases/%08lld", app,
			(long long)version);

	if (r == 0)
		r = releases_config(a->g, app, version, &vars, e);
	if (r == 0)
		r = assignments_slug(a, json_str(d.j, "slug"), &slug, e);
	if (r == 0)
		*ret = json_pack("{s:O, s:I, s:O, s:O}",
				 "id", json_object_get(d.j, "id"),
				 "version", (json_int_t)version,
				 "slug", slug, "env", vars);
	return r;
}

static int assignments_release(struct assignments *a, const char *app,
			       int64_t version, const json_t **ret,
			       struct error *e)
{
	auto_free char *key = xasprintf("%s/%lld", app, (long long)version);
	json_t *fresh = NULL;
	int r;

	*ret = json_object_get(a->releases, key);
	if (*ret)
		return 0;
	r = assignments_read_release(a, app, version, &fresh, e);
	if (r != 0)
		return r;
	json_object_set_new(a->releases, key, fresh);
	*ret = fresh;
	return 0;
}

/* A one-off's own variables come out of the vault. */
static int assignments_open(struct assignments *a, const struct doc *dyno,
			    struct error *e)
{
	const json_t *sealed = json_object_get(dyno->j, "env");
	json_t *env = NULL;
	int r;

	if (!sealed)
		return 0;
	r = vault_open_json(a->g->vault, dyno->key, sealed, &env, e);
	if (r == 0)
		json_object_set_new(dyno->j, "env", env);
	return r;
}

static json_t *assignments_env(const json_t *release, const json_t *dyno)
{
	json_t *env = json_copy(json_object_get(release, "env"));

	json_object_update(env, json_object_get(dyno, "env"));
	return env;
}

static void assignments_put_size(json_t *out, const char *name)
{
	const struct size *s = sizes_find(name);

	json_object_set_new(out, "size", json_string(s->name));
	json_object_set_new(out, "memory", json_integer((json_int_t)s->memory));
	json_object_set_new(out, "memory_max",
			    json_integer((json_int_t)s->memory_max));
	json_object_set_new(out, "pids", json_integer(s->pids));
	json_object_set_new(out, "cpu_shares", json_integer(s->cpu_shares));
	json_object_set_new(out, "cpus", json_integer(s->cpus));
}

static json_t *assignments_make(const json_t *app, const json_t *release,
				const json_t *dyno)
{
	json_t *inside = json_object_get(dyno, "inside");
	int64_t restart = json_int(dyno, "restart", 0);
	json_t *out = json_pack(
		"{s:O, s:O, s:O, s:o, s:{s:O, s:O}, s:{s:O, s:O}, s:o, s:O, s:o,"
		" s:O*, s:O*, s:O*}",
		"id", json_object_get(dyno, "id"),
		"name", json_object_get(dyno, "name"),
		"type", json_object_get(dyno, "type"),
		"kind", inside ? json_string("inside")
			       : json_incref(json_object_get(dyno, "kind")),
		"app", "id", json_object_get(app, "id"),
		"name", json_object_get(app, "name"),
		"release", "id", json_object_get(release, "id"),
		"version", json_object_get(release, "version"),
		"slug", inside ? json_null()
			       : json_incref(json_object_get(release, "slug")),
		"command", json_object_get(dyno, "command"),
		"env", assignments_env(release, dyno),
		"attach", json_object_get(dyno, "attach"),
		"time_to_live", json_object_get(dyno, "time_to_live"),
		"inside", inside);

	assignments_put_size(out, json_str(dyno, "size"));
	if (restart > 0)
		json_object_set_new(out, "restart", json_integer(restart));
	if (!json_object_get(out, "attach"))
		json_object_set_new(out, "attach", json_null());
	if (!json_object_get(out, "time_to_live"))
		json_object_set_new(out, "time_to_live", json_null());
	return out;
}

static int assignments_metrics(struct assignments *a, const char *app,
			       json_t *out, struct error *e)
{
	const json_t *known = json_object_get(a->metrics, app);
	int r = json_is_true(known);

	if (!known) {
		r = features_on(a->g, app, FEATURES_METRICS, e);
		if (r < 0)
			return r;
		json_object_set_new(a->metrics, app, json_boolean(r));
	}
	if (r)
		json_object_set_new(out, "runtime_metrics", json_true());
	return 0;
}

/* All of an app but its one-offs. */
static int assignments_idle(struct assignments *a, const char *app, json_t *out,
			    struct error *e)
{
	const json_t *known = json_object_get(a->sleeping, app);
	int r = json_is_true(known);

	if (!str_eq(json_str(out, "kind"), "formation"))
		return 0;
	if (!known) {
		r = sleep_is(a->g, app, e);
		if (r < 0)
			return r;
		r = r == SLEEP_TOLD;
		json_object_set_new(a->sleeping, app, json_boolean(r));
	}
	if (r)
		json_object_set_new(out, "idle", json_true());
	return 0;
}

static int assignments_one(struct assignments *a, const struct doc *index,
			   json_t *out, struct error *e)
{
	const char *app_id = json_str(index->j, "app");
	const json_t *app, *release;
	auto_doc dyno = DOC_INIT;
	int r = doc_get(a->g->state, &dyno, e, "/apps/%s/dynos/%s", app_id,
			doc_name(index));

	if (r == 0)
		r = assignments_app(a, app_id, &app, e);
	if (r == 0)
		r = assignments_release(a, app_id,
					json_int(dyno.j, "release", 0),
					&release, e);
	if (r == 0)
		r = assignments_open(a, &dyno, e);
	if (r == 0) {
		json_t *made = assignments_make(app, release, dyno.j);

		json_array_append_new(out, made);
		r = assignments_metrics(a, app_id, made, e);
		if (r == 0)
			r = assignments_idle(a, app_id, made, e);
	}
	if (r == STATE_ABSENT)
		return error_set(e, EIO, "the state has no app or release for "
				 "dyno %s", doc_name(index));
	return r;
}

int assignments_list(struct engine *g, const char *host, json_t **ret,
		     struct error *e)
{
	struct assignments a = { g, json_object(), json_object(), json_object(),
				 json_object() };
	auto_doc_list index = DOC_LIST_INIT;
	auto_json *out = json_array();
	int r = doc_list(g->state, &index, e, "/host-dynos/%s/", host);

	for (size_t i = 0; r == 0 && i < index.n; i++)
		r = assignments_one(&a, &index.v[i], out, e);
	json_decref(a.apps);
	json_decref(a.releases);
	json_decref(a.metrics);
	json_decref(a.sleeping);
	if (r == 0)
		*ret = take_ptr(out);
	return r;
}
