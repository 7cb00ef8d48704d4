/*
 * api_addons.c - addons: external resources, and their values as config vars.
 */
#include "base/error.h"
#include "controller/api/addon_param.h"
#include "controller/api/api_handlers.h"
#include "controller/engine.h"
#include "controller/model/addons.h"
#include "controller/model/outcome.h"

static const char *const addon_attrs[] = { "id", "name", NULL };

static int addon_append(struct api_call *call, const json_t *app,
			const json_t *addon, void *userdata)
{
	json_array_append_new(userdata, views_addon(&call->views, app, addon));
	return 0;
}

static int addons_all_call(struct api_call *call, struct error *e)
{
	auto_json *out = json_array();
	int r = addon_param_each(call, addon_append, out, e);

	return r ? r : api_page(call, take_ptr(out), addon_attrs, e);
}

static int addons_list_call(struct api_call *call, struct error *e)
{
	auto_json *all = NULL, *out = json_array();
	json_t *addon;
	size_t i;
	int r = addons_list(call->c->engine, json_str(call->app.j, "id"), &all, e);

	json_array_foreach(all, i, addon)
		addon_append(call, call->app.j, addon, out);
	return r ? r : api_page(call, take_ptr(out), addon_attrs, e);
}

static int addon_create_call(struct api_call *call, struct error *e)
{
	const json_t *attachment = json_object_get(call->body, "attachment");
	struct addons_new spec = {
		.plan = addon_param_member(call->body, "plan"),
		.name = json_str(call->body, "name"),
		.attachment = json_str(attachment, "name"),
		.config = json_object_get(call->body, "config"),
	};
	auto_json *addon = NULL;
	int r = addons_create(call->c->engine, &call->app, &spec, &addon, e);

	if (r != 0)
		return r;
	call->status = 201;
	call->reply = views_addon(&call->views, call->app.j, addon);
	return 0;
}

static int addon_of_app(struct api_call *call, json_t **ret, struct error *e)
{
	return addons_find(call->c->engine, json_str(call->app.j, "id"),
			   http_request_param(call->req, "addon"), ret, e);
}

static int addon_get_call(struct api_call *call, struct error *e)
{
	auto_json *addon = NULL;
	int r = addon_of_app(call, &addon, e);

	if (r == 0)
		call->reply = views_addon(&call->views, call->app.j, addon);
	return r;
}

static int addon_delete_call(struct api_call *call, struct error *e)
{
	auto_json *addon = NULL;
	int r = addon_of_app(call, &addon, e);

	if (r != 0)
		return r;
	call->reply = views_addon(&call->views, call->app.j, addon);
	return addons_destroy(call->c->engine, &call->app, addon, e);
}

/* ---- by name or id alone ---- */

static int addon_one(struct api_call *call, json_t **ret, struct error *e)
{
	return addon_param_find(call, http_request_param(call->req, "addon"), ret, e);
}

static int addon_one_call(struct api_call *call, struct error *e)
{
	auto_json *addon = NULL;
	int r = addon_one(call, &addon, e);

	if (r == 0)
		call->reply = views_addon(&call->views, call->app.j, addon);
	return r;
}

static json_t *addon_config_view(const json_t *addon)
{
	json_t *out = json_array(), *value;
	const char *key;

	json_object_foreach(json_object_get(addon, "values"), key, value)
		json_array_append_new(out, json_pack("{s:s, s:O}", "name", key,
						     "value", value));
	return out;
}

static int addon_config_call(struct api_call *call, struct error *e)
{
	auto_json *addon = NULL;
	int r = addon_one(call, &addon, e);

	if (r == 0)
		call->reply = addon_config_view(addon);
	return r;
}

/* "config": [{"name", "value"}]; a value of null leaves. */
static int addon_config_read(const json_t *config, json_t **ret, struct error *e)
{
	auto_json *values = json_object();
	json_t *it;
	size_t i;

	if (!json_is_array(config))
		return outcome_set(e, OUTCOME_INVALID, "config must be an array.");
	json_array_foreach(config, i, it) {
		const char *name = json_str(it, "name");
		json_t *value = json_object_get(it, "value");

		if (!name || !value)
			return outcome_set(e, OUTCOME_INVALID, "config[%zu]: name "
					   "and value are required.", i);
		json_object_set(values, name, value);
	}
	*ret = take_ptr(values);
	return 0;
}

static int addon_config_set_call(struct api_call *call, struct error *e)
{
	auto_json *addon = NULL, *values = NULL;
	int r = addon_one(call, &addon, e);

	if (r == 0)
		r = addon_config_read(json_object_get(call->body, "config"), &values,
				      e);
	if (r == 0)
		r = addons_set_values(call->c->engine, &call->app, addon, values, e);
	return r ? r : addon_config_call(call, e);
}

/* Whether "app" and "addon" of the body name it. */
static int addon_resolve_one(struct api_call *call, const json_t *app,
			     const json_t *addon, void *userdata)
{
	const char *in = addon_param_member(call->body, "app");
	const char *which = addon_param_member(call->body, "addon");

	if (in && !str_eq(in, json_str(app, "name")) &&
	    !str_eq(in, json_str(app, "id")))
		return 0;
	if (str_eq(which, json_str(addon, "name")) ||
	    str_eq(which, json_str(addon, "id")) ||
	    str_eq(which, json_str(addon, "service")) ||
	    (in && addons_attachment(addon, which)))
		addon_append(call, app, addon, userdata);
	return 0;
}

static int addon_resolve_call(struct api_call *call, struct error *e)
{
	const char *which = addon_param_member(call->body, "addon");
	auto_json *out = json_array();
	int r;

	if (!which)
		return outcome_set(e, OUTCOME_INVALID, "addon must be a string.");
	r = addon_param_each(call, addon_resolve_one, out, e);
	if (r == 0 && json_array_size(out) == 0)
		r = outcome_set(e, OUTCOME_NOT_FOUND,
				"Couldn't find that add-on (%.60s).", which);
	if (r == 0)
		call->reply = take_ptr(out);
	return r;
}

API_HANDLER(api_addons_list, addons_list_call, API_APP)
API_HANDLER(api_addons_create, addon_create_call, API_APP | API_BODY)
API_HANDLER(api_addons_get, addon_get_call, API_APP)
API_HANDLER(api_addons_delete, addon_delete_call, API_APP)
API_HANDLER(api_addons_all, addons_all_call, 0)
API_HANDLER(api_addons_one, addon_one_call, 0)
API_HANDLER(api_addons_config, addon_config_call, 0)
API_HANDLER(api_addons_config_set, addon_config_set_call, API_BODY)
API_HANDLER(api_addons_resolve, addon_resolve_call, API_BODY)
