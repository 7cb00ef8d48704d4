/*
 * addon_param.c - through all apps, or by the index; the access is checked.
 */
#include "base/error.h"
#include "controller/access/collaborators.h"
#include "controller/api/addon_param.h"
#include "controller/engine.h"
#include "controller/model/addons.h"
#include "controller/model/apps.h"
#include "controller/model/outcome.h"

static int addon_param_app(struct api_call *call, const json_t *app,
			   addon_param_fn fn, void *userdata, struct error *e)
{
	struct engine *g = call->c->engine;
	auto_json *addons = NULL;
	json_t *addon;
	size_t i;
	int r = collaborators_check(g, call->principal, app, e);

	if (r != 0)
		return r < 0 ? r : 0;
	r = addons_list(g, json_str(app, "id"), &addons, e);
	json_array_foreach(addons, i, addon)
		if (r == 0)
			r = fn(call, app, addon, userdata);
	return r;
}

int addon_param_each(struct api_call *call, addon_param_fn fn, void *userdata,
		     struct error *e)
{
	auto_json *apps = NULL;
	json_t *app;
	size_t i;
	int r = apps_list(call->c->engine, &apps, e);

	json_array_foreach(apps, i, app)
		if (r == 0)
			r = addon_param_app(call, app, fn, userdata, e);
	return r;
}

int addon_param_find(struct api_call *call, const char *which, json_t **ret,
		     struct error *e)
{
	struct engine *g = call->c->engine;
	char id[UUID_TEXT_MAX];
	int r;

	doc_deinit(&call->app);
	call->app = DOC_INIT;
	r = addons_locate(g, which, &call->app, id, e);
	if (r == 0)
		r = collaborators_check(g, call->principal, call->app.j, e);
	if (r == OUTCOME_NO_APP)
		r = outcome_set(e, OUTCOME_NOT_FOUND,
				"Couldn't find that add-on (%.60s).", which);
	return r ? r : addons_find(g, json_str(call->app.j, "id"), id, ret, e);
}

const char *addon_param_member(const json_t *body, const char *member)
{
	const json_t *it = json_object_get(body, member);

	if (json_is_object(it))
		it = json_object_get(it, json_object_get(it, "id") ? "id" : "name");
	return json_string_value(it);
}
