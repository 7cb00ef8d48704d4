/*
 * features.c - the table of features, and their switches.
 */
#include "controller/engine.h"
#include "controller/model/change.h"
#include "controller/model/features.h"
#include "controller/model/fixed_id.h"

static const struct feature features[] = {
	{ FEATURES_METRICS, "Log runtime metrics",
	  "Log memory and load of each dyno about every 20 seconds, from its next "
	  "start on.", "public" },
	{ FEATURES_PREBOOT, "Preboot",
	  "Start new web dynos before the old ones are stopped.", "general" },
	{ FEATURES_HEALTH, "Health-gated releases",
	  "Go back to the release before when the dynos of a new one do not come "
	  "up.", "general" },
};

const struct feature *features_at(size_t i)
{
	return i < ARRAY_SIZE(features) ? &features[i] : NULL;
}

char *features_id(char out[UUID_TEXT_MAX], const struct feature *f)
{
	return fixed_id(out, "feature", f->name);
}

const struct feature *features_find(const char *which)
{
	char id[UUID_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		if (str_eq(which, features[i].name) ||
		    str_eq(which, features_id(id, &features[i])))
			return &features[i];
	return NULL;
}

int features_get(struct engine *g, const char *app_id, const struct feature *f,
		 struct doc *ret, struct error *e)
{
	int r = doc_get(g->state, ret, e, "/apps/%s/features/%s", app_id, f->name);

	return r < 0 ? r : 0;
}

int features_on(struct engine *g, const char *app_id, const char *name,
		struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = doc_get(g->state, &d, e, "/apps/%s/features/%s", app_id, name);

	return r < 0 ? r : r == 0 && json_flag(d.j, "enabled", false);
}

/* What the hosts are told about the app's dynos is another thing now. */
static int features_tell_hosts(struct change *c, const char *app_id,
			       struct error *e)
{
	auto_doc_list dynos = DOC_LIST_INIT;
	int r = doc_list(c->g->state, &dynos, e, "/apps/%s/dynos/", app_id);

	for (size_t i = 0; i < dynos.n; i++)
		if (json_str(dynos.v[i].j, "host"))
			change_touch_host(c, json_str(dynos.v[i].j, "host"));
	return r;
}

int features_set(struct engine *g, const struct doc *app, const struct feature *f,
		 bool on, struct error *e)
{
	const char *app_id = json_str(app->j, "id");
	auto_doc old = DOC_INIT;
	auto_json *doc = NULL;
	auto_change c = change_begin(g);
	int r = features_get(g, app_id, f, &old, e);

	if (r < 0 || json_flag(old.j, "enabled", false) == on)
		return r;
	doc = json_pack("{s:b, s:s, s:s}", "enabled", on,
			"created_at", old.j ? json_str(old.j, "created_at") : c.now,
			"updated_at", c.now);
	change_put(&c, doc, "/apps/%s/features/%s", app_id, f->name);
	change_app(&c, app);
	change_say(&c, app_id, "%s feature %s by user %s", on ? "Enable" : "Disable",
		   f->name, engine_by(g)->email);
	if (str_eq(f->name, FEATURES_METRICS))
		r = features_tell_hosts(&c, app_id, e);
	return r < 0 ? r : change_commit(&c, e);
}
