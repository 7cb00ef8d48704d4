/*
 * api_drains.c - the log drains of an app.
 */
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/engine.h"
#include "controller/logplex/drain_docs.h"
#include "controller/logplex/drains.h"
#include "controller/model/outcome.h"

static const char *const drain_attrs[] = { "id", "created_at", NULL };

static json_t *drain_view(const struct api_call *call, const json_t *drain)
{
	const json_t *app = call->app.j;

	return json_pack("{s:n, s:{s:O, s:O}, s:O, s:O, s:O, s:O, s:O}", "addon",
		"app", "id", json_object_get(app, "id"),
		"name", json_object_get(app, "name"),
		"created_at", json_object_get(drain, "created_at"),
		"id", json_object_get(drain, "id"),
		"token", json_object_get(drain, "token"),
		"updated_at", json_object_get(drain, "updated_at"),
		"url", json_object_get(drain, "url"));
}

static int drain_param(struct api_call *call, struct doc *ret, struct error *e)
{
	return drain_docs_find(call->c->engine, json_str(call->app.j, "id"),
			       http_request_param(call->req, "drain"), ret, e);
}

static int drain_body_url(struct api_call *call, const char **ret, struct error *e)
{
	*ret = json_str(call->body, "url");
	if (!*ret)
		return outcome_set(e, OUTCOME_INVALID, "Invalid drain destination: "
				   "there is no url.");
	return 0;
}

static int drains_list_call(struct api_call *call, struct error *e)
{
	auto_doc_list docs = DOC_LIST_INIT;
	int r = drain_docs_list(call->c->engine, json_str(call->app.j, "id"), &docs,
				e);
	json_t *out;

	if (r != 0)
		return r;
	out = json_array();
	for (size_t i = 0; i < docs.n; i++)
		json_array_append_new(out, drain_view(call, docs.v[i].j));
	return api_page(call, out, drain_attrs, e);
}

static int drains_create_call(struct api_call *call, struct error *e)
{
	auto_json *drain = NULL;
	const char *url;
	int r = drain_body_url(call, &url, e);

	if (r == 0)
		r = drain_docs_add(call->c->engine, &call->app, url,
				   drains_networks(call->c->drains), &drain, e);
	if (r != 0)
		return r;
	call->reply = drain_view(call, drain);
	call->status = 201;
	return 0;
}

static int drains_get_call(struct api_call *call, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = drain_param(call, &d, e);

	if (r == 0)
		call->reply = drain_view(call, d.j);
	return r;
}

static int drains_update_call(struct api_call *call, struct error *e)
{
	auto_doc d = DOC_INIT;
	const char *url;
	int r = drain_body_url(call, &url, e);

	if (r == 0)
		r = drain_param(call, &d, e);
	if (r == 0)
		r = drain_docs_set_url(call->c->engine, &call->app, &d, url,
				       drains_networks(call->c->drains), e);
	if (r == 0)
		call->reply = drain_view(call, d.j);
	return r;
}

static int drains_delete_call(struct api_call *call, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = drain_param(call, &d, e);

	if (r == 0)
		r = drain_docs_remove(call->c->engine, &d, e);
	if (r == 0)
		call->reply = drain_view(call, d.j);
	return r;
}

API_HANDLER(api_drains_list, drains_list_call, API_APP)
API_HANDLER(api_drains_create, drains_create_call, API_APP | API_BODY)
API_HANDLER(api_drains_get, drains_get_call, API_APP)
API_HANDLER(api_drains_update, drains_update_call, API_APP | API_BODY)
API_HANDLER(api_drains_delete, drains_delete_call, API_APP)
