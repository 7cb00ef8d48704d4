/*
 * scaling.c - all updates of a request happen, or none.
 */
#include "base/error.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/formation.h"
#include "controller/model/outcome.h"
#include "controller/model/scaling.h"

static int scaling_apply(json_t *formation, const json_t *updates,
			 const char *type, const char *now, json_t *touched,
			 json_t *resized, struct error *e)
{
	json_t *item, *entry;
	size_t i;

	json_array_foreach(updates, i, item) {
		struct formation_update u;
		bool grown = false;
		int r = formation_parse(item, type, &u, e);

		if (r == 0 && formation_find(touched, u.type))
			r = outcome_set(e, OUTCOME_INVALID, "There are two updates of "
					"the process type %s.", u.type);
		if (r == 0)
			r = formation_apply(formation, &u, &grown, e);
		if (r != 0)
			return r;
		entry = formation_find(formation, u.type);
		json_object_set_new(entry, "updated_at", json_string(now));
		json_array_append(touched, entry);
		if (grown)
			json_array_append_new(resized, json_string(u.type));
	}
	return 0;
}

static int scaling_commit(struct change *c, const struct doc *app,
			  const json_t *formation, const json_t *resized,
			  const char *text, struct error *e)
{
	auto_json *doc = json_pack("{s:O}", "entries", formation);
	const char *app_id = json_str(app->j, "id");
	int r = dynos_arrange(c, app->j, formation, DYNO_SCOPE_TYPES, resized,
			      false, e);

	if (r != 0)
		return r;
	change_put(c, doc, "/apps/%s/formation", app_id);
	change_app(c, app);
	change_say(c, app_id, "Scaled to %s by user %s", text, engine_by(c->g)->email);
	return change_commit(c, e);
}

int scaling_update(struct engine *g, const struct doc *app,
		   const json_t *updates, const char *type,
		   json_t **ret_touched, struct error *e)
{
	auto_json *formation = NULL, *touched = json_array();
	auto_json *resized = json_array();
	auto_free char *before = NULL, *after = NULL;
	auto_change c = change_begin(g);
	int r = dynos_formation(g, json_str(app->j, "id"), &formation, e);

	if (r < 0)
		return r;
	before = formation_text(formation);
	r = scaling_apply(formation, updates, type, c.now, touched, resized, e);
	if (r == 0)
		r = formation_check(formation, g->conf->one_per_type, e);
	if (r != 0)
		return r;
	after = formation_text(formation);
	if (!str_eq(before, after))
		r = scaling_commit(&c, app, formation, resized, after, e);
	if (r == 0)
		*ret_touched = take_ptr(touched);
	return r;
}
