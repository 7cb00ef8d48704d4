/*
 * apps.c - birth, renaming and end of an app.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "controller/model/addons.h"
#include "controller/model/apps.h"
#include "controller/model/change.h"
#include "controller/model/deaths.h"
#include "controller/model/domains.h"
#include "controller/model/dynos.h"
#include "controller/engine.h"
#include "controller/model/fixed_id.h"
#include "controller/logplex/logs.h"
#include "controller/model/names.h"
#include "controller/model/log_tokens.h"
#include "controller/model/outcome.h"
#include "controller/model/releases.h"
#include "controller/slug/slugs.h"

static int apps_by_name(struct engine *g, const char *name, struct doc *ret,
			struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = doc_get(g->state, &d, e, "/app-names/%s", name);

	if (r == 0)
		r = doc_get(g->state, ret, e, "/apps/%s", json_str(d.j, "id"));
	return r;
}

int apps_absent(struct error *e)
{
	return outcome_set(e, OUTCOME_NO_APP, "Couldn't find that app.");
}

int apps_find(struct engine *g, const char *which, struct doc *ret,
	      struct error *e)
{
	int r = STATE_ABSENT;

	if (id_is_uuid(which))
		r = doc_get(g->state, ret, e, "/apps/%s", which);
	else if (names_app_ok(which))
		r = apps_by_name(g, which, ret, e);
	if (r == STATE_ABSENT)
		return apps_absent(e);
	return r;
}

int apps_list(struct engine *g, json_t **ret, struct error *e)
{
	auto_doc_list names = DOC_LIST_INIT;
	auto_json *out = json_array();
	int r = doc_list(g->state, &names, e, "/app-names/");

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		auto_doc app = DOC_INIT;

		r = doc_get(g->state, &app, e, "/apps/%s",
			    json_str(names.v[i].j, "id"));
		if (r == 0)
			json_array_append(out, app.j);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(out);
	return 0;
}

const char *apps_owner(const struct engine *g, const json_t *app)
{
	const char *owner = json_str(app, "owner");

	return owner ? owner : g->self.id;
}

static int apps_check_name(struct engine *g, const char *name, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r;

	if (!names_app_ok(name))
		return outcome_set(e, OUTCOME_INVALID, "Name must start with a "
			"letter, end with a letter or digit and can only contain "
			"lowercase letters, digits, and dashes (3 to %d of them).",
			NAMES_APP_MAX);
	r = doc_get(g->state, &d, e, "/app-names/%s", name);
	if (r == 0)
		return outcome_set(e, OUTCOME_INVALID, "Name %s is already taken.",
				   name);
	return r < 0 ? r : 0;
}

/* which: a name or an id; NULL is fine. */
static int apps_check_choice(const char *kind, const char *only, const char *which,
			     struct error *e)
{
	char id[UUID_TEXT_MAX];

	if (which && !str_eq(which, only) &&
	    !str_eq(which, fixed_id(id, kind, only)))
		return outcome_set(e, OUTCOME_INVALID, "Couldn't find that %s "
			"(%.60s): there is only \"%s\".", kind, which, only);
	return 0;
}

/* v1 "Initial release" and v2 "Enable Logplex": both without slug or config. */
static int apps_first_releases(struct change *c, const struct doc *app,
			       struct error *e)
{
	static const char *const descriptions[] = {
		"Initial release", "Enable Logplex",
	};
	auto_json *vars = json_object();
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(descriptions); i++) {
		json_t *release = NULL;

		r = releases_stage(c, app, &(struct releases_new){
			.vars = vars, .description = descriptions[i],
			.line = descriptions[i],
		}, &release, e);
		json_decref(release);
	}
	return r;
}

int apps_create(struct engine *g, const struct apps_new *spec, struct doc *ret,
		struct error *e)
{
	auto_free char *random = spec->name ? NULL : names_app_random();
	const char *name = spec->name ? spec->name : random;
	char id[UUID_TEXT_MAX];
	auto_doc app = DOC_INIT;
	auto_json *link = NULL;
	auto_change c = change_begin(g);
	int r = apps_check_name(g, name, e);

	if (r == 0)
		r = apps_check_choice("region", APPS_REGION, spec->region, e);
	if (r == 0)
		r = apps_check_choice("stack", APPS_STACK, spec->stack, e);
	if (r != 0)
		return r;
	id_uuid(id);
	app.key = xasprintf("/apps/%s", id);
	app.j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:s, s:s}",
			  "id", id, "name", name, "owner", engine_by(g)->id,
			  "created_at", c.now,
			  "updated_at", c.now, "version", 0, "maintenance", 0,
			  "stack", APPS_STACK, "build_stack", APPS_STACK);
	link = json_pack("{s:s}", "id", id);
	change_expect_absent(&c, "/app-names/%s", name);
	change_put(&c, link, "/app-names/%s", name);
	r = apps_first_releases(&c, &app, e);
	if (r == 0)
		r = change_commit(&c, e);
	if (r != 0)
		return r;
	*ret = app;
	app = DOC_INIT;
	return 0;
}

static int apps_rename(struct change *c, struct doc *app, const char *name,
		       struct error *e)
{
	auto_json *link = json_pack("{s:O}", "id", json_object_get(app->j, "id"));
	const char *old = json_str(app->j, "name");
	int r;

	if (str_eq(name, old))
		return 0;
	r = apps_check_name(c->g, name, e);
	if (r != 0)
		return r;
	change_delete(c, "/app-names/%s", old);
	change_expect_absent(c, "/app-names/%s", name);
	change_put(c, link, "/app-names/%s", name);
	json_object_set_new(app->j, "name", json_string(name));
	return 0;
}

static int apps_set_maintenance(struct change *c, struct doc *app,
				const json_t *on, struct error *e)
{
	if (!json_is_boolean(on))
		return outcome_set(e, OUTCOME_INVALID,
				   "maintenance must be true or false.");
	if (json_is_true(on) == json_flag(app->j, "maintenance", false))
		return 0;
	json_object_set_new(app->j, "maintenance",
			    json_boolean(json_is_true(on)));
	change_say(c, json_str(app->j, "id"), "Maintenance mode %s by user %s",
		   json_is_true(on) ? "enabled" : "disabled",
		   engine_by(c->g)->email);
	return 0;
}

int apps_update(struct engine *g, struct doc *app, const json_t *body,
		struct error *e)
{
	const json_t *name = json_object_get(body, "name");
	const json_t *on = json_object_get(body, "maintenance");
	const json_t *stack = json_object_get(body, "build_stack");
	auto_change c = change_begin(g);
	int r = 0;

	if (on && !json_is_null(on))
		r = apps_set_maintenance(&c, app, on, e);
	if (r == 0 && name && !json_is_null(name))
		r = apps_rename(&c, app, json_is_string(name) ?
				json_string_value(name) : "", e);
	if (r == 0 && stack && !json_is_null(stack))
		r = apps_check_choice("stack", APPS_STACK, json_is_string(stack) ?
				      json_string_value(stack) : "", e);
	if (r != 0)
		return r;
	change_app(&c, app);
	return change_commit(&c, e);
}

static int apps_stage_end(struct change *c, const struct doc *app,
			  struct error *e)
{
	auto_(state_items_deinit) struct state_items items = STATE_ITEMS_INIT;
	const char *id = json_str(app->j, "id");
	auto_free char *prefix = xasprintf("/apps/%s/", id);
	auto_json *dynos = NULL;
	json_t *dyno;
	size_t i;
	int r = dynos_list_all(c->g, id, &dynos, e);

	if (r == 0)
		r = state_list(c->g->state, prefix, &items, e);
	if (r == 0)
		r = deaths_forget(c, id, e);
	if (r == 0)
		r = domains_forget(c, id, e);
	if (r == 0)
		r = addons_forget(c, id, e);
	if (r == 0)
		r = log_tokens_forget(c, id, e);
	if (r < 0)
		return r;
	json_array_foreach(dynos, i, dyno)
		dynos_remove(c, id, dyno);
	for (i = 0; i < items.n; i++)
		change_delete(c, "%s", items.v[i].key);
	change_delete(c, "%s", app->key);
	change_delete(c, "/app-names/%s", json_str(app->j, "name"));
	change_expect(c, app);
	return 0;
}

int apps_destroy(struct engine *g, const struct doc *app, struct error *e)
{
	const char *id = json_str(app->j, "id");
	auto_change c = change_begin(g);
	struct error late;
	int r;

	r = apps_stage_end(&c, app, e);
	if (r == 0)
		r = change_commit(&c, e);
	if (r != 0)
		return r;
	/* The app is gone; what follows only tidies up. */
	if (logs_forget(g->logs, id, &late) < 0)
		log_warn("forget the lines of app %s: %s, ignoring", id, late.msg);
	if (slugs_collect(g, &late) < 0)
		log_warn("remove slugs of app %s: %s, ignoring", id, late.msg);
	return 0;
}
