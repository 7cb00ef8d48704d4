/*
 * snapshot.c - all kinds of things of an app in one map, and the difference.
 */
#include "base/error.h"
#include "controller/engine.h"
#include "controller/model/addons.h"
#include "controller/model/domains.h"
#include "controller/model/dynos.h"
#include "controller/model/live.h"
#include "controller/model/releases.h"
#include "controller/webhook/snapshot.h"

/* Older releases do not change any more. */
#define SNAPSHOT_RELEASES 3

/* Takes the view. */
static void snapshot_put(json_t *kind, json_t *view)
{
	json_object_set_new(kind, json_str(view, "id"), view);
}

static json_t *snapshot_kind(json_t *out, const char *name)
{
	json_t *kind = json_object();

	json_object_set_new(out, name, kind);
	return kind;
}

static int snapshot_releases(const struct views *v, const json_t *app,
			     json_t *kind, struct error *e)
{
	int64_t version = json_int(app, "version", 0);

	for (int i = 0; i < SNAPSHOT_RELEASES && version > 0; i++, version--) {
		auto_free char *which = xasprintf("%lld", (long long)version);
		auto_json *release = NULL;
		int r = releases_find(v->g, app, which, &release, e);

		if (r != 0)
			return r < 0 ? r : 0;
		snapshot_put(kind, views_release(v, app, release));
	}
	return 0;
}

static int snapshot_formation(const struct views *v, const json_t *app,
			      json_t *kind, struct error *e)
{
	auto_json *entries = NULL;
	json_t *entry;
	size_t i;
	int r = dynos_formation(v->g, json_str(app, "id"), &entries, e);

	json_array_foreach(entries, i, entry)
		snapshot_put(kind, views_formation(v, app, entry));
	return r;
}

static int snapshot_domains(const struct views *v, const json_t *app,
			    json_t *kind, struct error *e)
{
	auto_doc_list all = DOC_LIST_INIT;
	int r = domains_list(v->g, json_str(app, "id"), &all, e);

	for (size_t i = 0; i < all.n; i++)
		snapshot_put(kind, views_domain(v, app, all.v[i].j));
	return r;
}

static int snapshot_addons(const struct views *v, const json_t *app,
			   json_t *kind, struct error *e)
{
	auto_json *all = NULL;
	json_t *addon;
	size_t i;
	int r = addons_list(v->g, json_str(app, "id"), &all, e);

	json_array_foreach(all, i, addon)
		snapshot_put(kind, views_addon(v, app, addon));
	return r;
}

static int snapshot_attachments(const struct views *v, const json_t *app,
				json_t *kind, struct error *e)
{
	auto_json *all = NULL;
	json_t *addon, *it;
	size_t i, k;
	int r = addons_list(v->g, json_str(app, "id"), &all, e);

	json_array_foreach(all, i, addon)
		json_array_foreach(json_object_get(addon, "attachments"), k, it)
			snapshot_put(kind, views_attachment(v, app, addon, it));
	return r;
}

/* Its host has not told about it since this process began. */
static bool snapshot_is_unheard(const struct views *v, const json_t *dyno)
{
	const char *host = json_str(dyno, "host");

	return host && *host && !live_get(v->g->live, json_str(dyno, "id")) &&
	       !live_host_complete(v->g->live, host);
}

static json_t *snapshot_dyno(const struct views *v, const json_t *app,
			     const json_t *dyno, const json_t *release)
{
	static const char *const inside[] = {
		"address", "port", "error", "trace", "attach_url",
	};
	const json_t *attach = json_object_get(dyno, "attach");
	json_t *view = views_dyno(v, app, dyno, release, false);

	for (size_t i = 0; i < ARRAY_SIZE(inside); i++)
		json_object_del(view, inside[i]);
	json_object_set_new(view, "management", !str_eq(json_str(dyno, "kind"), "run")
		? json_null() : json_string(json_is_object(attach) ?
					    "run:attached" : "run:detached"));
	if (snapshot_is_unheard(v, dyno))
		json_object_set_new(view, "state", json_null());
	return view;
}

static int snapshot_dynos(const struct views *v, const json_t *app, json_t *kind,
			  struct error *e)
{
	auto_json *dynos = NULL;
	json_t *dyno;
	size_t i;
	int r = dynos_list(v->g, json_str(app, "id"), &dynos, e);

	json_array_foreach(dynos, i, dyno) {
		auto_free char *version = xasprintf("%lld",
				(long long)json_int(dyno, "release", 0));
		auto_json *release = NULL;

		r = releases_find(v->g, app, version, &release, e);
		if (r < 0)
			return r;
		snapshot_put(kind, snapshot_dyno(v, app, dyno, release));
	}
	return r < 0 ? r : 0;
}

static const struct {
	const char *include, *resource;
	const char *echo[2];	/* what alone is no change: it follows from others */
	int (*take)(const struct views *v, const json_t *app, json_t *kind,
		    struct error *e);
} kinds[] = {
	{ "api:app", "app", { "updated_at", "web_url" }, NULL },
	{ "api:release", "release", { "current" }, snapshot_releases },
	{ "api:formation", "formation", { NULL }, snapshot_formation },
	{ "api:domain", "domain", { NULL }, snapshot_domains },
	{ "api:addon", "addon", { NULL }, snapshot_addons },
	{ "api:addon-attachment", "addon-attachment", { NULL },
	  snapshot_attachments },
	{ "api:dyno", "dyno", { NULL }, snapshot_dynos },
};

int snapshot_take(const struct views *v, const json_t *app, json_t **ret,
		  struct error *e)
{
	auto_json *out = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		json_t *kind = snapshot_kind(out, kinds[i].include);
		int r = 0;

		if (kinds[i].take)
			r = kinds[i].take(v, app, kind, e);
		else
			snapshot_put(kind, views_app(v, app));
		if (r < 0)
			return r;
	}
	*ret = take_ptr(out);
	return 0;
}

/* ---- the difference ---- */

static bool snapshot_is_echo(size_t k, const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds[k].echo); i++)
		if (kinds[k].echo[i] && str_eq(kinds[k].echo[i], key))
			return true;
	return false;
}

/* The members of old that are not so in new; NULL: there are none. */
static json_t *snapshot_changes(size_t k, const json_t *old, const json_t *new)
{
	auto_json *out = json_object();
	bool any = false;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)old, key, value) {
		if (json_equal(value, json_object_get(new, key)))
			continue;
		json_object_set(out, key, value);
		any |= !snapshot_is_echo(k, key);
	}
	return any ? take_ptr(out) : NULL;
}

static void snapshot_event(json_t *out, size_t k, const char *action,
			   json_t *data, json_t *previous)
{
	json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:O, s:o}",
		"include", kinds[k].include, "resource", kinds[k].resource,
		"action", action, "data", data, "previous_data", previous));
}

static void snapshot_diff(json_t *out, size_t k, const json_t *old,
			  const json_t *new)
{
	json_t *view, *before;
	const char *id;

	json_object_foreach((json_t *)(uintptr_t)new, id, view) {
		json_t *changes;

		before = json_object_get(old, id);
		if (!before) {
			snapshot_event(out, k, "create", view, json_object());
			continue;
		}
		if (json_is_null(json_object_get(before, "state")) ||
		    json_is_null(json_object_get(view, "state")))
			continue;
		changes = snapshot_changes(k, before, view);
		if (changes)
			snapshot_event(out, k, "update", view, changes);
	}
	/* Releases leave the snapshot by getting old. */
	json_object_foreach((json_t *)(uintptr_t)old, id, before)
		if (!json_object_get(new, id) && !str_eq(kinds[k].resource, "release"))
			snapshot_event(out, k, "destroy", before, json_object());
}

json_t *snapshot_events(const json_t *old, const json_t *new)
{
	json_t *out = json_array();

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		snapshot_diff(out, k, json_object_get(old, kinds[k].include),
			      json_object_get(new, kinds[k].include));
	return out;
}

void snapshot_keep_unheard(const json_t *old, json_t *new)
{
	const json_t *before = json_object_get(old, "api:dyno");
	json_t *now = json_object_get(new, "api:dyno"), *view;
	const char *id;

	json_object_foreach(now, id, view) {
		json_t *known = json_object_get(before, id);

		if (known && json_is_null(json_object_get(view, "state")))
			json_object_set(now, id, known);
	}
}

static int snapshot_walk_kind(const char *name, const json_t *old, const json_t *new,
			      snapshot_part_fn fn, void *userdata, struct error *e)
{
	json_t *view;
	const char *id;
	int r = 0;

	json_object_foreach((json_t *)(uintptr_t)new, id, view) {
		if (!json_equal(view, json_object_get(old, id)))
			r = fn(name, id, view, userdata, e);
		if (r < 0)
			return r;
	}
	json_object_foreach((json_t *)(uintptr_t)old, id, view) {
		if (!json_object_get(new, id))
			r = fn(name, id, NULL, userdata, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int snapshot_walk_changes(const json_t *old, const json_t *new, snapshot_part_fn fn,
			  void *userdata, struct error *e)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < ARRAY_SIZE(kinds); k++)
		r = snapshot_walk_kind(kinds[k].include,
				       json_object_get(old, kinds[k].include),
				       json_object_get(new, kinds[k].include), fn,
				       userdata, e);
	return r;
}
