/*
 * releases.c - how an app gets from one version to the next.
 */
#include "base/error.h"
#include "controller/access/vault.h"
#include "controller/model/config_vars.h"
#include "controller/access/collaborators.h"
#include "controller/controller_conf.h"
#include "controller/model/dynos.h"
#include "controller/engine.h"
#include "controller/model/formation.h"
#include "controller/model/outcome.h"
#include "controller/model/releases.h"
#include "controller/model/sizes.h"

#include <stdio.h>

/* Entries that the deploy has made get what only the store can give. */
static void releases_stamp(json_t *formation, const char *now)
{
	char id[UUID_TEXT_MAX];
	json_t *entry;
	size_t i;

	json_array_foreach(formation, i, entry) {
		if (json_str(entry, "id"))
			continue;
		json_object_set_new(entry, "id", json_string(id_uuid(id)));
		json_object_set_new(entry, "created_at", json_string(now));
		json_object_set_new(entry, "updated_at", json_string(now));
	}
}

static int releases_stage_dynos(struct change *c, const struct doc *app,
				const struct releases_new *spec, bool first,
				struct error *e)
{
	const char *app_id = json_str(app->j, "id");
	auto_json *old = NULL, *formation = NULL, *doc = NULL;
	int r = dynos_formation(c->g, app_id, &old, e);

	if (r < 0)
		return r;
	formation = formation_deploy(old,
		json_object_get(spec->slug, "process_types"), first,
		sizes_find(c->g->conf->default_size)->name);
	releases_stamp(formation, c->now);
	doc = json_pack("{s:O}", "entries", formation);
	change_put(c, doc, "/apps/%s/formation", app_id);
	return dynos_arrange(c, app->j, formation, DYNO_SCOPE_ALL, NULL, false,
			     e);
}

static json_t *releases_doc(struct change *c, const struct releases_new *spec,
			    int64_t version)
{
	char id[UUID_TEXT_MAX];

	return json_pack("{s:s, s:I, s:{s:s, s:s}, s:s, s:s?, s:s, s:s, s:s}",
			 "id", id_uuid(id), "version", (json_int_t)version,
			 "user", "id", engine_by(c->g)->id,
			 "email", engine_by(c->g)->email,
			 "description", spec->description,
			 "slug", json_str(spec->slug, "id"),
			 "status", "succeeded",
			 "created_at", c->now, "updated_at", c->now);
}

int releases_stage(struct change *c, const struct doc *app,
		   const struct releases_new *spec, json_t **ret,
		   struct error *e)
{
	const char *app_id = json_str(app->j, "id");
	const char *owner = engine_by(c->g)->email;
	int64_t version = json_int(app->j, "version", 0) + 1;
	auto_json *release = releases_doc(c, spec, version);
	auto_json *config = json_pack("{s:O}", "vars", spec->vars);
	bool first = !json_str(app->j, "slug");
	int r = 0;

	json_object_set_new(app->j, "version", json_integer(version));
	json_object_set_new(app->j, "released_at", json_string(c->now));
	if (spec->slug) {
		json_object_set(app->j, "slug", json_object_get(spec->slug, "id"));
		json_object_set(app->j, "slug_size",
				json_object_get(spec->slug, "size"));
		r = releases_stage_dynos(c, app, spec, first, e);
	}
	if (r != 0)
		return r;
	change_put(c, release, "/apps/%s/releases/%08lld", app_id,
		   (long long)version);
	change_put_sealed(c, config, "vars", "/apps/%s/configs/%08lld", app_id,
		   (long long)version);
	change_app(c, app);
	change_say(c, app_id, "%s by user %s", spec->line, owner);
	change_say(c, app_id, "Release v%lld created by user %s",
		   (long long)version, owner);
	*ret = take_ptr(release);
	return 0;
}

int releases_list(struct engine *g, const char *app_id, json_t **ret,
		  struct error *e)
{
	auto_doc_list docs = DOC_LIST_INIT;
	json_t *out;
	int r = doc_list(g->state, &docs, e, "/apps/%s/releases/", app_id);

	if (r < 0)
		return r;
	out = json_array();
	for (size_t i = 0; i < docs.n; i++)
		json_array_append(out, docs.v[i].j);
	*ret = out;
	return 0;
}

static int releases_by_id(struct engine *g, const char *app_id, const char *id,
			  json_t **ret, struct error *e)
{
	auto_json *all = NULL;
	json_t *it;
	size_t i;
	int r = releases_list(g, app_id, &all, e);

	json_array_foreach(all, i, it)
		if (str_eq(json_str(it, "id"), id)) {
			*ret = json_incref(it);
			return 0;
		}
	return r < 0 ? r : STATE_ABSENT;
}

static int releases_by_version(struct engine *g, const char *app_id,
			       int64_t version, json_t **ret, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = doc_get(g->state, &d, e, "/apps/%s/releases/%08lld", app_id,
			(long long)version);

	if (r == 0)
		*ret = json_incref(d.j);
	return r;
}

static int64_t releases_number(const char *which)
{
	const char *digits = which + (*which == 'v');
	size_t n = strlen(digits);

	if (n < 1 || n > 8 || strspn(digits, "0123456789") != n)
		return 0;
	return strtoll(digits, NULL, 10);
}

int releases_find(struct engine *g, const json_t *app, const char *which,
		  json_t **ret, struct error *e)
{
	const char *app_id = json_str(app, "id");
	int64_t version = str_eq(which, "current") ? json_int(app, "version", 0)
						   : releases_number(which);
	int r = id_is_uuid(which) ? releases_by_id(g, app_id, which, ret, e)
				  : releases_by_version(g, app_id, version, ret, e);

	if (r == STATE_ABSENT)
		return outcome_set(e, OUTCOME_NO_RELEASE,
				   "Couldn't find that release (%.60s).", which);
	return r;
}

int releases_config(struct engine *g, const char *app_id, int64_t version,
		    json_t **ret, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = doc_get(g->state, &d, e, "/apps/%s/configs/%08lld", app_id,
			(long long)version);
	json_t *vars;

	if (r < 0)
		return r;
	vars = r == 0 ? json_object_get(d.j, "vars") : NULL;
	if (!vars) {
		*ret = json_object();
		return 0;
	}
	return vault_open_json(g->vault, d.key, vars, ret, e);
}

static int releases_slug(struct engine *g, const char *id, json_t **ret,
			 struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = id_is_uuid(id) ? doc_get(g->state, &d, e, "/slugs/%s", id)
			       : STATE_ABSENT;

	if (r == STATE_ABSENT)
		return outcome_set(e, OUTCOME_NO_SLUG,
				   "Couldn't find that slug (%.60s).", id);
	if (r < 0)
		return r;
	if (!json_str(d.j, "sha256"))
		return outcome_set(e, OUTCOME_INVALID, "The slug has not been "
				   "uploaded yet: put it to its blob url first.");
	*ret = json_incref(d.j);
	return 0;
}

static int releases_commit(struct change *c, const struct doc *app,
			   const struct releases_new *spec, json_t **ret,
			   struct error *e)
{
	auto_json *release = NULL;
	int r = releases_stage(c, app, spec, &release, e);

	if (r == 0)
		r = change_commit(c, e);
	if (r == 0 && ret)
		*ret = take_ptr(release);
	return r;
}

int releases_deploy(struct engine *g, const struct doc *app,
		    const char *slug_id, const char *description,
		    json_t **ret, struct error *e)
{
	auto_json *slug = NULL, *vars = NULL;
	auto_free char *deploy = NULL;
	const char *commit;
	auto_change c = change_begin(g);
	int r = releases_slug(g, slug_id, &slug, e);

	if (r == 0)
		r = collaborators_check_slug(g, engine_by(g), app->j, slug, e);

	if (r == 0)
		r = releases_config(g, json_str(app->j, "id"),
				    json_int(app->j, "version", 0), &vars, e);
	if (r != 0)
		return r;
	commit = json_str(slug, "commit");
	if (!commit || strlen(commit) < 8)
		commit = json_str(slug, "sha256");
	deploy = xasprintf("Deploy %.8s", commit);
	if (!description || !*description)
		description = deploy;
	return releases_commit(&c, app, &(struct releases_new){
		.slug = slug, .vars = vars, .description = description,
		.line = description,
	}, ret, e);
}

static int releases_old_slug(struct engine *g, const json_t *old, json_t **ret,
			     struct error *e)
{
	const char *slug = json_str(old, "slug");

	if (!slug || !str_eq(json_str(old, "status"), "succeeded"))
		return outcome_set(e, OUTCOME_INVALID, "v%lld is not eligible for "
			"rollback.", (long long)json_int(old, "version", 0));
	return releases_slug(g, slug, ret, e);
}

int releases_rollback(struct engine *g, const struct doc *app,
		      const char *which, json_t **ret, struct error *e)
{
	auto_json *old = NULL, *slug = NULL, *vars = NULL;
	auto_free char *description = NULL;
	auto_change c = change_begin(g);
	int r = releases_find(g, app->j, which, &old, e);

	if (r == 0)
		r = releases_old_slug(g, old, &slug, e);
	if (r == 0)
		r = releases_config(g, json_str(app->j, "id"),
				    json_int(old, "version", 0), &vars, e);
	if (r != 0)
		return r;
	description = xasprintf("Rollback to v%lld",
				(long long)json_int(old, "version", 0));
	return releases_commit(&c, app, &(struct releases_new){
		.slug = slug, .vars = vars, .description = description,
		.line = description,
	}, ret, e);
}

int releases_set_config(struct engine *g, const struct doc *app,
			const json_t *patch, json_t **ret_vars,
			struct error *e)
{
	auto_(config_vars_deinit) struct config_vars_change change = { 0 };
	const char *slug_id = json_str(app->j, "slug");
	auto_json *vars = NULL, *slug = NULL;
	auto_change c = change_begin(g);
	int r = releases_config(g, json_str(app->j, "id"),
				json_int(app->j, "version", 0), &vars, e);

	if (r == 0)
		r = config_vars_apply(vars, patch, &change, e);
	if (r == 0 && slug_id)
		r = releases_slug(g, slug_id, &slug, e);
	if (r == 0 && change.description)
		r = releases_commit(&c, app, &(struct releases_new){
			.slug = slug, .vars = change.vars,
			.description = change.description,
			.line = change.description,
		}, NULL, e);
	if (r == 0)
		*ret_vars = json_incref(change.vars);
	return r;
}
