/*
 * releases.c - how an app gets from one version to the next.
 */
#include "base/error.h"
#include "controller/access/vault.h"
#include "controller/model/config_vars.h"
#include "controller/access/collaborators.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/outcome.h"
#include "controller/slug/slugs.h"
#include "controller/model/release_phase.h"
#include "controller/model/release_switch.h"
#include "controller/model/releases.h"

#include <stdio.h>

static json_t *releases_doc(struct change *c, const struct releases_new *spec,
			    int64_t version, const char *status)
{
	char id[UUID_TEXT_MAX];

	return json_pack("{s:s, s:I, s:{s:s, s:s}, s:s, s:s?, s:s, s:b, s:s, s:s}",
			 "id", id_uuid(id), "version", (json_int_t)version,
			 "user", "id", engine_by(c->g)->id,
			 "email", engine_by(c->g)->email,
			 "description", spec->description,
			 "slug", json_str(spec->slug, "id"),
			 "status", status, "gated", !spec->ungated,
			 "created_at", c->now, "updated_at", c->now);
}

int64_t releases_base(const json_t *app)
{
	const json_t *queue = json_object_get(app, "pending");
	size_t n = json_array_size(queue);

	return n ? json_integer_value(json_array_get(queue, n - 1))
		 : release_switch_current(app);
}

static int releases_start(struct change *c, const struct doc *app,
			  json_t *release, const struct releases_new *spec,
			  struct error *e)
{
	bool phase = !spec->no_phase && release_phase_command(spec->slug);

	if (!phase && !release_phase_is_busy(app->j))
		return release_switch(c, app, release, spec->slug, e);
	json_object_set_new(release, "phase", json_boolean(phase));
	json_object_set_new(release, "status", json_string("pending"));
	return release_phase_queue(c, app, release, spec->slug, e);
}

int releases_stage(struct change *c, const struct doc *app,
		   const struct releases_new *spec, json_t **ret,
		   struct error *e)
{
	const char *app_id = json_str(app->j, "id");
	int64_t version = json_int(app->j, "version", 0) + 1;
	auto_json *release = releases_doc(c, spec, version, "succeeded");
	auto_json *config = json_pack("{s:O}", "vars", spec->vars);
	const char *user = engine_by(c->g)->email;
	int r;

	change_say(c, app_id, "%s by user %s", spec->line, user);
	change_say(c, app_id, "Release v%lld created by user %s",
		   (long long)version, user);
	/* What ran before there was a "current" is what ran until now. */
	json_object_set_new(app->j, "current",
			    json_integer(release_switch_current(app->j)));
	json_object_set_new(app->j, "version", json_integer(version));
	r = releases_start(c, app, release, spec, e);
	if (r != 0)
		return r;
	change_put(c, release, "/apps/%s/releases/%08lld", app_id,
		   (long long)version);
	change_put_sealed(c, config, "vars", "/apps/%s/configs/%08lld", app_id,
			  (long long)version);
	change_app(c, app);
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
	int64_t version = str_eq(which, "current") ? release_switch_current(app)
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
	vars = json_object_get(d.j, "vars");
	if (!vars)
		return outcome_set(e, OUTCOME_INVALID, "The config vars of v%lld are "
				   "not kept any more.", (long long)version);
	return vault_open_json(g->vault, d.key, vars, ret, e);
}

int releases_slug(struct engine *g, const char *id, json_t **ret,
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

static int releases_check_description(const char *text, struct error *e)
{
	size_t n = text ? strlen(text) : 0;

	if (n > RELEASES_DESCRIPTION_MAX)
		return outcome_set(e, OUTCOME_INVALID, "The description is longer than "
				   "%d bytes.", RELEASES_DESCRIPTION_MAX);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return outcome_set(e, OUTCOME_INVALID, "The description has "
					   "control characters: it is one line.");
	return 0;
}

int releases_deploy(struct engine *g, const struct doc *app,
		    const char *slug_id, const char *description,
		    json_t **ret, struct error *e)
{
	auto_json *slug = NULL, *vars = NULL;
	auto_free char *deploy = NULL;
	const char *commit;
	auto_change c = change_begin(g);
	auto_doc found = DOC_INIT;
	int r = releases_check_description(description, e);

	if (r == 0)
		r = slugs_find(g, NULL, slug_id, &found, e);
	/* First of all: what is wrong with it is not for everybody. */
	if (r == 0)
		r = collaborators_check_slug(g, engine_by(g), app->j, found.j, e);
	if (r == 0)
		r = releases_slug(g, slug_id, &slug, e);
	if (r == 0)
		r = releases_config(g, json_str(app->j, "id"),
				    releases_base(app->j), &vars, e);
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

	const char *status = json_str(old, "status");

	if (!slug || !str_eq(status, "succeeded"))
		return outcome_set(e, OUTCOME_INVALID, "v%lld is not eligible for "
			"rollback: it %s.", (long long)json_int(old, "version", 0),
			str_eq(status, "failed") ? "has failed" :
			str_eq(status, "expired") ? "has expired" :
			str_eq(status, "pending") ? "is pending" : "has no slug");
	return releases_slug(g, slug, ret, e);
}

static int releases_back(struct change *c, const struct doc *app,
			 const char *which, json_t **ret, struct error *e)
{
	auto_json *old = NULL, *slug = NULL, *vars = NULL;
	auto_free char *description = NULL;
	int r = releases_find(c->g, app->j, which, &old, e);

	if (r == 0)
		r = releases_old_slug(c->g, old, &slug, e);
	if (r == 0)
		r = releases_config(c->g, json_str(app->j, "id"),
				    json_int(old, "version", 0), &vars, e);
	if (r != 0)
		return r;
	description = xasprintf("Rollback to v%lld",
				(long long)json_int(old, "version", 0));
	return releases_commit(c, app, &(struct releases_new){
		.slug = slug, .vars = vars, .description = description,
		.line = description, .ungated = true,
	}, ret, e);
}

int releases_rollback(struct engine *g, const struct doc *app,
		      const char *which, json_t **ret, struct error *e)
{
	auto_change c = change_begin(g);

	return releases_back(&c, app, which, ret, e);
}

int releases_go_back(struct engine *g, const struct doc *app, const char *which,
		     const char *why, struct error *e)
{
	auto_change c = change_begin(g);

	change_say(&c, json_str(app->j, "id"), "%s", why);
	return releases_back(&c, app, which, NULL, e);
}

/* The slug of the release that a new one is made of; NULL: it has none. */
static int releases_base_slug(struct engine *g, const json_t *app, json_t **ret,
			      struct error *e)
{
	auto_json *base = NULL;
	int r = releases_by_version(g, json_str(app, "id"), releases_base(app),
				    &base, e);

	*ret = NULL;
	if (r == STATE_ABSENT)
		return error_set(e, EIO, "the state has no release v%lld of app %s",
				 (long long)releases_base(app), json_str(app, "id"));
	return r == 0 && json_str(base, "slug") ?
	       releases_slug(g, json_str(base, "slug"), ret, e) : r;
}

int releases_stage_patch(struct change *c, const struct doc *app,
			 const json_t *patch, const char *text, struct error *e)
{
	auto_(config_vars_deinit) struct config_vars_change change = { 0 };
	auto_json *vars = NULL, *slug = NULL, *release = NULL;
	int r = releases_config(c->g, json_str(app->j, "id"),
				releases_base(app->j), &vars, e);

	if (r == 0)
		r = config_vars_apply(vars, patch, &change, e);
	if (r == 0)
		r = releases_base_slug(c->g, app->j, &slug, e);
	if (r == 0)
		r = releases_stage(c, app, &(struct releases_new){
			.slug = slug, .vars = change.vars, .description = text,
			.line = text, .no_phase = true,
		}, &release, e);
	return r;
}

int releases_set_config(struct engine *g, const struct doc *app,
			const json_t *patch, json_t **ret_vars,
			struct error *e)
{
	auto_(config_vars_deinit) struct config_vars_change change = { 0 };
	auto_json *vars = NULL, *slug = NULL;
	auto_change c = change_begin(g);
	int r = releases_config(g, json_str(app->j, "id"),
				releases_base(app->j), &vars, e);

	if (r == 0)
		r = config_vars_apply(vars, patch, &change, e);
	if (r == 0)
		r = releases_base_slug(g, app->j, &slug, e);
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
