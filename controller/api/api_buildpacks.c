/*
 * api_buildpacks.c - buildpack installations: a list of URLs with numbers.
 */
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/engine.h"
#include "controller/model/buildpacks.h"
#include "controller/model/outcome.h"

#include <stdio.h>

/* The official ones have a short name. */
static const char *buildpack_name(const char *url, char *out, size_t n)
{
	const char *official = str_after(url, "https://github.com/heroku/"
					      "heroku-buildpack-");
	const char *registered = str_after(url, "urn:buildpack:");

	if (official)
		snprintf(out, n, "heroku/%s", official);
	else
		snprintf(out, n, "%s", registered ? registered : url);
	return out;
}

static int buildpacks_call(struct api_call *call, struct error *e)
{
	char name[BUILDPACKS_URL_MAX + 1];
	auto_json *urls = NULL;
	json_t *url;
	size_t i;
	int r = buildpacks_list(call->c->engine, json_str(call->app.j, "id"), &urls,
				e);

	if (r != 0)
		return r;
	call->reply = json_array();
	json_array_foreach(urls, i, url)
		json_array_append_new(call->reply, json_pack("{s:I, s:{s:O, s:s}}",
			"ordinal", (json_int_t)i, "buildpack", "url", url, "name",
			buildpack_name(json_string_value(url), name, sizeof(name))));
	return 0;
}

/* "buildpack" is a URL, or an object that has one. */
static int buildpacks_set_call(struct api_call *call, struct error *e)
{
	const json_t *updates = json_object_get(call->body, "updates");
	auto_json *urls = json_array();
	json_t *it;
	size_t i;
	int r;

	if (!json_is_array(updates))
		return outcome_set(e, OUTCOME_INVALID, "updates must be an array.");
	json_array_foreach(updates, i, it) {
		json_t *b = json_object_get(it, "buildpack");

		if (json_is_object(b))
			b = json_object_get(b, json_object_get(b, "url") ? "url" :
					    "name");
		if (b)
			json_array_append(urls, b);
		else
			json_array_append_new(urls, json_null());
	}
	r = buildpacks_set(call->c->engine, &call->app, urls, e);
	return r ? r : buildpacks_call(call, e);
}

API_HANDLER(api_buildpacks, buildpacks_call, API_APP)
API_HANDLER(api_buildpacks_set, buildpacks_set_call, API_APP | API_BODY)
