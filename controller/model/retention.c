/*
 * retention.c - a look at all releases, now and then.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/map.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/logplex/logs.h"
#include "controller/logplex/outputs.h"
#include "controller/model/apps.h"
#include "controller/model/change.h"
#include "controller/model/dynos.h"
#include "controller/model/health_gate.h"
#include "controller/model/release_switch.h"
#include "controller/model/retention.h"
#include "controller/slug/slugs.h"

#define RETENTION_DAY_USEC (24 * 3600 * USEC_PER_SEC)

static bool retention_is_old(const struct engine *g, const json_t *release,
			     uint64_t real)
{
	const char *text = json_str(release, "created_at");
	uint64_t created;

	return text && clock_parse(text, &created) &&
	       created + g->conf->release_days * RETENTION_DAY_USEC < real;
}

/* One-offs, and dynos that retire, run older ones. */
static bool retention_is_used(const json_t *dynos, int64_t version)
{
	json_t *dyno;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)dynos, i, dyno)
		if (json_int(dyno, "release", -1) == version)
			return true;
	return false;
}

static int retention_expire(struct engine *g, const struct doc *release,
			    struct error *e)
{
	auto_free char *config = xstrdup(release->key);
	auto_change c = change_begin(g);
	auto_doc old = DOC_INIT;
	int r;

	/* /apps/<app>/releases/<n>: the configs are beside them. */
	r = doc_get(g->state, &old, e, "%.*s/configs/%s",
		    (int)(strstr(config, "/releases/") - config), config,
		    doc_name(release));
	if (r < 0)
		return r;
	json_object_set_new(release->j, "status", json_string("expired"));
	json_object_set_new(release->j, "updated_at", json_string(c.now));
	change_expect(&c, release);
	change_put(&c, release->j, "%s", release->key);
	if (r == 0)
		change_delete(&c, "%s", old.key);
	r = change_commit(&c, e);
	if (r == 0)
		r = outputs_forget(g->outputs, json_str(release->j, "id"), e);
	return r;
}

static bool retention_is_due(struct engine *g, const json_t *app,
			     const json_t *dynos, const json_t *release,
			     uint64_t real)
{
	const char *status = json_str(release, "status");
	int64_t version = json_int(release, "version", 0);

	return !str_eq(status, "expired") && !str_eq(status, "pending") &&
	       version != release_switch_current(app) &&
	       version + (int64_t)g->conf->release_keep <=
	       json_int(app, "version", 0) &&
	       retention_is_old(g, release, real) &&
	       !retention_is_used(dynos, version);
}

/* What a gate would go back to does not expire. */
static int retention_gate(struct engine *g, const char *app_id, int64_t *ret,
			  struct error *e)
{
	auto_doc gate = DOC_INIT;
	int r = doc_get(g->state, &gate, e, "/health-gates/%s", app_id);

	*ret = r == 0 ? json_int(gate.j, "previous", 0) : 0;
	return r < 0 ? r : 0;
}

/* kept: the ids of apps whose lines, and of releases whose output stays. */
static int retention_app(struct engine *g, const json_t *app, uint64_t real,
			 struct map *kept, size_t *n, struct error *e)
{
	const char *app_id = json_str(app, "id");
	auto_doc_list releases = DOC_LIST_INIT;
	auto_json *dynos = NULL;
	int64_t gate;
	int r = doc_list(g->state, &releases, e, "/apps/%s/releases/", app_id);

	map_set(kept, app_id, kept);
	if (r == 0)
		r = dynos_list_all(g, app_id, &dynos, e);
	if (r == 0)
		r = retention_gate(g, app_id, &gate, e);
	for (size_t i = 0; r >= 0 && i < releases.n; i++) {
		const json_t *release = releases.v[i].j;

		map_set(kept, json_str(release, "id"), kept);
		if (json_int(release, "version", 0) == gate ||
		    !retention_is_due(g, app, dynos, release, real))
			continue;
		r = retention_expire(g, &releases.v[i], e);
		++*n;
	}
	return r < 0 ? r : 0;
}

static bool retention_keeps(const char *id, void *userdata)
{
	return map_get(userdata, id) != NULL;
}

int retention_tick(struct engine *g, uint64_t real, size_t *ret_n, struct error *e)
{
	struct map kept = MAP_INIT;
	auto_json *apps = NULL;
	json_t *app;
	size_t i;
	int r = apps_list(g, &apps, e);

	*ret_n = 0;
	json_array_foreach(apps, i, app)
		if (r == 0)
			r = retention_app(g, app, real, &kept, ret_n, e);
	/* What a crash or a full disk has left of apps that are gone. */
	if (r == 0)
		r = outputs_collect(g->outputs, retention_keeps, &kept, e);
	if (r == 0)
		r = logs_collect(g->logs, retention_keeps, &kept, e);
	map_deinit(&kept);
	if (r == 0)
		r = slugs_collect(g, e);
	return r < 0 ? r : 0;
}
