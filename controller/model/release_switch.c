/*
 * release_switch.c - the moment in which a release becomes the current one.
 */
#include "base/error.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/dynos.h"
#include "controller/model/formation.h"
#include "controller/model/health_gate.h"
#include "controller/model/preboot.h"
#include "controller/model/release_switch.h"
#include "controller/model/sizes.h"

int64_t release_switch_current(const json_t *app)
{
	/* Before there were release phases the newest one ran. */
	return json_int(app, "current", json_int(app, "version", 0));
}

/* Entries that the deploy has made get what only the store can give. */
static void release_switch_stamp(json_t *formation, const char *now)
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

static int release_switch_dynos(struct change *c, const struct doc *app,
				const json_t *slug, bool first, struct error *e)
{
	const char *app_id = json_str(app->j, "id");
	auto_json *old = NULL, *formation = NULL, *doc = NULL;
	bool beside = false;
	int r = dynos_formation(c->g, app_id, &old, e);

	if (r < 0)
		return r;
	formation = formation_deploy(old, json_object_get(slug, "process_types"),
				     first,
				     sizes_find(c->g->conf->default_size)->name);
	release_switch_stamp(formation, c->now);
	doc = json_pack("{s:O}", "entries", formation);
	change_put(c, doc, "/apps/%s/formation", app_id);
	r = preboot_begin(c, app_id, formation, &beside, e);
	if (r == 0)
		r = dynos_replace(c, app->j, formation, beside, e);
	return r;
}

int release_switch(struct change *c, const struct doc *app, const json_t *release,
		   const json_t *slug, struct error *e)
{
	bool first = !json_str(app->j, "slug");
	int64_t before = release_switch_current(app->j);
	int r = 0;

	json_object_set(app->j, "current", json_object_get(release, "version"));
	json_object_set_new(app->j, "released_at", json_string(c->now));
	if (!slug)
		return 0;
	json_object_set(app->j, "slug", json_object_get(slug, "id"));
	json_object_set(app->j, "slug_size", json_object_get(slug, "size"));
	if (!first)
		r = health_gate_begin(c, app, release, before, e);
	return r < 0 ? r : release_switch_dynos(c, app, slug, first, e);
}
