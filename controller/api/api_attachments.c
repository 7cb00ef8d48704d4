/*
 * api_attachments.c - under which names an app has its addons.
 */
#include "base/error.h"
#include "controller/api/addon_param.h"
#include "controller/api/api_handlers.h"
#include "controller/engine.h"
#include "controller/model/addons.h"
#include "controller/model/outcome.h"

static const char *const attachment_attrs[] = { "id", "name", NULL };

static int attachments_append(struct api_call *call, const json_t *app,
			      const json_t *addon, void *userdata)
{
	json_t *it;
	size_t i;

	json_array_foreach(json_object_get(addon, "attachments"), i, it)
		json_array_append_new(userdata, views_attachment(&call->views, app,
								 addon, it));
	return 0;
}

static int attachments_all_call(struct api_call *call, struct error *e)
{
	auto_json *out = json_array();
	int r = addon_param_each(call, attachments_append, out, e);

	return r ? r : api_page(call, take_ptr(out), attachment_attrs, e);
}

static int attachments_of_app(struct api_call *call, json_t **ret, struct error *e)
{
	auto_json *all = NULL;
	json_t *addon;
	size_t i;
	int r = addons_list(call->c->engine, json_str(call->app.j, "id"), &all, e);

	if (r < 0)
		return r;
	*ret = json_array();
	json_array_foreach(all, i, addon)
		attachments_append(call, call->app.j, addon, *ret);
	return 0;
}

static int attachments_list_call(struct api_call *call, struct error *e)
{
	json_t *out = NULL;
	int r = attachments_of_app(call, &out, e);

	return r ? r : api_page(call, out, attachment_attrs, e);
}

static int attachment_absent(const char *which, struct error *e)
{
	return outcome_set(e, OUTCOME_NOT_FOUND,
			   "Couldn't find that add-on attachment (%.60s).", which);
}

static int attachment_get_call(struct api_call *call, struct error *e)
{
	const char *which = http_request_param(call->req, "attachment");
	auto_json *all = NULL;
	json_t *it;
	size_t i;
	int r = attachments_of_app(call, &all, e);

	if (r < 0)
		return r;
	json_array_foreach(all, i, it)
		if (str_eq(json_str(it, "id"), which) ||
		    str_eq(json_str(it, "name"), which)) {
			call->reply = json_incref(it);
			return 0;
		}
	return attachment_absent(which, e);
}

static int addon_attachments_call(struct api_call *call, struct error *e)
{
	auto_json *addon = NULL, *out = json_array();
	int r = addon_param_find(call, http_request_param(call->req, "addon"), &addon,
				 e);

	if (r != 0)
		return r;
	attachments_append(call, call->app.j, addon, out);
	return api_page(call, take_ptr(out), attachment_attrs, e);
}

/* ---- by id alone ---- */

/* *ret is borrowed from *addon. */
static int attachment_one(struct api_call *call, json_t **addon,
			  const json_t **ret, struct error *e)
{
	const char *id = http_request_param(call->req, "attachment");
	int r = id_is_uuid(id) ? addon_param_find(call, id, addon, e)
			       : attachment_absent(id, e);

	if (r != 0)
		return r;
	*ret = addons_attachment(*addon, id);
	return *ret ? 0 : attachment_absent(id, e);
}

static int attachment_one_call(struct api_call *call, struct error *e)
{
	auto_json *addon = NULL;
	const json_t *it;
	int r = attachment_one(call, &addon, &it, e);

	if (r == 0)
		call->reply = views_attachment(&call->views, call->app.j, addon, it);
	return r;
}

static int attachment_delete_call(struct api_call *call, struct error *e)
{
	auto_json *addon = NULL;
	const json_t *it;
	int r = attachment_one(call, &addon, &it, e);

	if (r != 0)
		return r;
	call->reply = views_attachment(&call->views, call->app.j, addon, it);
	return addons_detach(call->c->engine, &call->app, addon, it, e);
}

/* An addon is attached to its own app, under one name or several. */
static int attachment_create_call(struct api_call *call, struct error *e)
{
	const char *which = addon_param_member(call->body, "addon");
	const char *in = addon_param_member(call->body, "app");
	auto_json *addon = NULL, *made = NULL;
	int r;

	if (!which || !in)
		return outcome_set(e, OUTCOME_INVALID,
				   "addon and app must be strings.");
	r = addon_param_find(call, which, &addon, e);
	if (r == 0 && !str_eq(in, json_str(call->app.j, "name")) &&
	    !str_eq(in, json_str(call->app.j, "id")))
		r = outcome_set(e, OUTCOME_INVALID, "An add-on can be attached to its "
				"own app only: make one with the same values there.");
	if (r == 0)
		r = addons_attach(call->c->engine, &call->app, addon,
				  json_str(call->body, "name"), &made, e);
	if (r != 0)
		return r;
	call->status = 201;
	call->reply = views_attachment(&call->views, call->app.j, addon, made);
	return 0;
}

static int attachment_resolve_one(struct api_call *call, const json_t *app,
				  const json_t *addon, void *userdata)
{
	const char *in = addon_param_member(call->body, "app");
	const char *which = addon_param_member(call->body, "addon_attachment");
	const json_t *it = addons_attachment(addon, which);

	if (it && (!in || str_eq(in, json_str(app, "name")) ||
		   str_eq(in, json_str(app, "id"))))
		json_array_append_new(userdata, views_attachment(&call->views, app,
								 addon, it));
	return 0;
}

static int attachment_resolve_call(struct api_call *call, struct error *e)
{
	const char *which = addon_param_member(call->body, "addon_attachment");
	auto_json *out = json_array();
	int r;

	if (!which)
		return outcome_set(e, OUTCOME_INVALID,
				   "addon_attachment must be a string.");
	r = addon_param_each(call, attachment_resolve_one, out, e);
	if (r == 0 && json_array_size(out) == 0)
		r = attachment_absent(which, e);
	if (r == 0)
		call->reply = take_ptr(out);
	return r;
}

API_HANDLER(api_addons_attachments, addon_attachments_call, 0)
API_HANDLER(api_attachments_all, attachments_all_call, 0)
API_HANDLER(api_attachments_list, attachments_list_call, API_APP)
API_HANDLER(api_attachments_get, attachment_get_call, API_APP)
API_HANDLER(api_attachments_one, attachment_one_call, 0)
API_HANDLER(api_attachments_delete, attachment_delete_call, 0)
API_HANDLER(api_attachments_create, attachment_create_call, API_BODY)
API_HANDLER(api_attachments_resolve, attachment_resolve_call, API_BODY)
