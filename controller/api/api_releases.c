/*
 * api_releases.c - config vars and releases.
 */
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/api/api_outputs.h"
#include "controller/api/body_members.h"
#include "controller/engine.h"
#include "controller/model/addons.h"
#include "controller/model/outcome.h"
#include "controller/model/releases.h"

static const char *const release_attrs[] = { "version", "id", NULL };

static int config_get_call(struct api_call *call, struct error *e)
{
	return releases_config(call->c->engine, json_str(call->app.j, "id"),
			       releases_base(call->app.j), &call->reply, e);
}

static json_t *release_view(struct api_call *call, const json_t *release)
{
	json_t *view = views_release(&call->views, call->app.j, release);

	json_object_set_new(view, "output_stream_url",
			    api_outputs_url(call, release));
	return view;
}

static int config_patch_call(struct api_call *call, struct error *e)
{
	int r = addons_check_patch(call->c->engine, json_str(call->app.j, "id"),
				   call->body, e);

	return r ? r : releases_set_config(call->c->engine, &call->app, call->body,
				   &call->reply, e);
}

static int releases_list_call(struct api_call *call, struct error *e)
{
	auto_json *all = NULL;
	json_t *out, *release;
	size_t i;
	int r = releases_list(call->c->engine, json_str(call->app.j, "id"), &all,
			      e);

	if (r != 0)
		return r;
	out = json_array();
	json_array_foreach(all, i, release)
		json_array_append_new(out, release_view(call, release));
	return api_page(call, out, release_attrs, e);
}

static int release_param(struct api_call *call, json_t **ret, struct error *e)
{
	return releases_find(call->c->engine, call->app.j,
			     http_request_param(call->req, "release"), ret, e);
}

static int release_get_call(struct api_call *call, struct error *e)
{
	auto_json *release = NULL;
	int r = release_param(call, &release, e);

	if (r == 0)
		call->reply = release_view(call, release);
	return r;
}

static int release_config_call(struct api_call *call, struct error *e)
{
	auto_json *release = NULL;
	int r = release_param(call, &release, e);

	if (r != 0)
		return r;
	return releases_config(call->c->engine, json_str(call->app.j, "id"),
			       json_int(release, "version", 0), &call->reply, e);
}

static int release_create_call(struct api_call *call, struct error *e)
{
	static const struct body_member members[] = {
		{ "slug", BODY_STRING }, { "release", BODY_STRING },
		{ "description", BODY_STRING },
	};
	const char *slug = json_str(call->body, "slug");
	const char *release = json_str(call->body, "release");
	auto_json *made = NULL;
	int r = body_members_check(call->body, members, ARRAY_SIZE(members), e);

	if (r != 0)
		return r;
	if (slug)
		r = releases_deploy(call->c->engine, &call->app, slug,
				    json_str(call->body, "description"), &made, e);
	else if (release)
		r = releases_rollback(call->c->engine, &call->app, release, &made,
				      e);
	else
		r = outcome_set(e, OUTCOME_INVALID, "A release needs a slug, or a "
				"release to roll back to.");
	if (r != 0)
		return r;
	call->status = 201;
	call->reply = release_view(call, made);
	return 0;
}

API_HANDLER(api_config_get, config_get_call, API_APP)
API_HANDLER(api_config_patch, config_patch_call, API_APP | API_BODY)
API_HANDLER(api_releases_list, releases_list_call, API_APP)
API_HANDLER(api_releases_create, release_create_call, API_APP | API_BODY)
API_HANDLER(api_releases_get, release_get_call, API_APP)
API_HANDLER(api_releases_config, release_config_call, API_APP)
