/*
 * buildpacks.c - a list of URLs, replaced as a whole.
 */
#include "base/error.h"
#include "controller/engine.h"
#include "controller/model/buildpacks.h"
#include "controller/model/change.h"
#include "controller/model/outcome.h"

int buildpacks_list(struct engine *g, const char *app_id, json_t **ret,
		    struct error *e)
{
	auto_doc d = DOC_INIT;
	json_t *urls;
	int r = doc_get(g->state, &d, e, "/apps/%s/buildpacks", app_id);

	if (r < 0)
		return r;
	urls = json_object_get(d.j, "urls");
	*ret = json_is_array(urls) ? json_incref(urls) : json_array();
	return 0;
}

/* Printable, without blanks: a URL, or a name like heroku/ruby. */
static bool buildpacks_url_ok(const json_t *url)
{
	const char *s = json_string_value(url);
	size_t n = s ? strlen(s) : 0;

	if (n < 1 || n > BUILDPACKS_URL_MAX || n != json_string_length(url))
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f)
			return false;
	return true;
}

static int buildpacks_check(const json_t *urls, struct error *e)
{
	json_t *url;
	size_t i;

	if (json_array_size(urls) > BUILDPACKS_MAX)
		return outcome_set(e, OUTCOME_INVALID, "An app may have at most %d "
				   "buildpacks.", BUILDPACKS_MAX);
	json_array_foreach(urls, i, url)
		if (!buildpacks_url_ok(url))
			return outcome_set(e, OUTCOME_INVALID, "updates[%zu]: "
				"buildpack must be a URL of at most %d characters.",
				i, BUILDPACKS_URL_MAX);
	return 0;
}

int buildpacks_set(struct engine *g, const struct doc *app, const json_t *urls,
		   struct error *e)
{
	auto_change c = change_begin(g);
	auto_json *doc = NULL;
	int r = buildpacks_check(urls, e);

	if (r != 0)
		return r;
	doc = json_pack("{s:O}", "urls", urls);
	change_put(&c, doc, "/apps/%s/buildpacks", json_str(app->j, "id"));
	change_app(&c, app);
	return change_commit(&c, e);
}
