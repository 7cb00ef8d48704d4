/*
 * api_apps.c - apps: create, list, show, change, destroy.
 */
#include "base/error.h"
#include "controller/access/collaborators.h"
#include "controller/api/api_handlers.h"
#include "controller/model/apps.h"
#include "controller/engine.h"
#include "controller/model/outcome.h"

static const char *const app_attrs[] = { "id", "name", "updated_at", NULL };

static int apps_create_call(struct api_call *call, struct error *e)
{
	const json_t *name = json_object_get(call->body, "name");
	const json_t *stack = json_object_get(call->body, "stack");
	int r;

	if (json_is_object(stack))
		stack = json_object_get(stack, "name");
	if (name && !json_is_null(name) && !json_is_string(name))
		return outcome_set(e, OUTCOME_INVALID, "name must be a string.");
	r = apps_create(call->c->engine, json_string_value(name),
			json_string_value(stack), &call->app, e);
	if (r != 0)
		return r;
	call->status = 201;
	call->reply = views_app(&call->views, call->app.j);
	return 0;
}

static int apps_list_call(struct api_call *call, struct error *e)
{
	auto_json *apps = NULL;
	json_t *out, *app;
	size_t i;
	int r = apps_list(call->c->engine, &apps, e);

	if (r != 0)
		return r;
	out = json_array();
	json_array_foreach(apps, i, app) {
		r = collaborators_check(call->c->engine, call->principal, app, e);
		if (r == 0)
			json_array_append_new(out, views_app(&call->views, app));
		if (r < 0)
			return json_decref(out), r;
	}
	return api_page(call, out, app_attrs, e);
}

static int apps_info_call(struct api_call *call, struct error *e)
{
	call->reply = views_app(&call->views, call->app.j);
	return 0;
}

static int apps_update_call(struct api_call *call, struct error *e)
{
	int r = 0;

	if (json_object_get(call->body, "name") &&
	    !collaborators_is_owner(call->c->engine, call->principal, call->app.j))
		return outcome_set(e, OUTCOME_FORBIDDEN, "Only the owner of the app "
				   "may rename it.");
	r = apps_update(call->c->engine, &call->app, call->body, e);

	if (r == 0)
		call->reply = views_app(&call->views, call->app.j);
	return r;
}

static int apps_destroy_call(struct api_call *call, struct error *e)
{
	call->reply = views_app(&call->views, call->app.j);
	return apps_destroy(call->c->engine, &call->app, e);
}

API_HANDLER(api_apps_create, apps_create_call, API_BODY)
API_HANDLER(api_apps_list, apps_list_call, 0)
API_HANDLER(api_apps_info, apps_info_call, API_APP)
API_HANDLER(api_apps_update, apps_update_call, API_APP | API_BODY)
API_HANDLER(api_apps_destroy, apps_destroy_call, API_APP | API_OWNER)
