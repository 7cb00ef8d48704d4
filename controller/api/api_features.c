/*
 * api_features.c - switches of an app.
 */
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/engine.h"
#include "controller/model/features.h"
#include "controller/model/outcome.h"

static const char *const feature_attrs[] = { "name", "id", NULL };

/* A doc's json_str(NULL, ...) is NULL: never switched means since the app is. */
static json_t *feature_view(struct api_call *call, const struct feature *f,
			    const json_t *doc)
{
	const char *created = json_str(doc, "created_at");
	const char *updated = json_str(doc, "updated_at");
	const char *born = json_str(call->app.j, "created_at");
	char id[UUID_TEXT_MAX];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s}",
		"id", features_id(id, f), "name", f->name,
		"display_name", f->title, "description", f->doc,
		"doc_url", "", "feedback_email", call->c->conf->owner,
		"enabled", json_flag(doc, "enabled", false), "state", f->state,
		"created_at", created ? created : born,
		"updated_at", updated ? updated : born);
}

static int feature_read(struct api_call *call, const struct feature *f,
			json_t **ret, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = features_get(call->c->engine, json_str(call->app.j, "id"), f, &d, e);

	if (r == 0)
		*ret = feature_view(call, f, d.j);
	return r;
}

static int features_list_call(struct api_call *call, struct error *e)
{
	auto_json *out = json_array();
	const struct feature *f;

	for (size_t i = 0; (f = features_at(i)); i++) {
		json_t *view = NULL;
		int r = feature_read(call, f, &view, e);

		if (r < 0)
			return r;
		json_array_append_new(out, view);
	}
	return api_page(call, take_ptr(out), feature_attrs, e);
}

static int feature_param(struct api_call *call, const struct feature **ret,
			 struct error *e)
{
	const char *which = http_request_param(call->req, "feature");

	*ret = features_find(which);
	if (!*ret)
		return outcome_set(e, OUTCOME_NOT_FOUND,
				   "Couldn't find that feature (%.60s).", which);
	return 0;
}

static int feature_get_call(struct api_call *call, struct error *e)
{
	const struct feature *f;
	int r = feature_param(call, &f, e);

	return r == 0 ? feature_read(call, f, &call->reply, e) : r;
}

static int feature_set_call(struct api_call *call, struct error *e)
{
	const json_t *on = json_object_get(call->body, "enabled");
	const struct feature *f;
	int r = feature_param(call, &f, e);

	if (r == 0 && !json_is_boolean(on))
		r = outcome_set(e, OUTCOME_INVALID, "enabled must be true or false.");
	if (r == 0)
		r = features_set(call->c->engine, &call->app, f, json_is_true(on),
				 e);
	return r == 0 ? feature_read(call, f, &call->reply, e) : r;
}

API_HANDLER(api_features_list, features_list_call, API_APP)
API_HANDLER(api_features_get, feature_get_call, API_APP)
API_HANDLER(api_features_set, feature_set_call, API_APP | API_BODY)
