/*
 * api_slugs.c - describe a slug, and sign the URL of its blob.
 */
#include "base/error.h"
#include "controller/access/collaborators.h"
#include "controller/api/api_handlers.h"
#include "controller/api/api_slugs.h"
#include "controller/engine.h"
#include "controller/model/outcome.h"
#include "controller/access/secrets.h"
#include "controller/slug/slugs.h"

#define BLOB_URL_SEC 3600

static char *slug_url(struct api_call *call, const json_t *slug,
		      const char *method)
{
	auto_free char *path = xasprintf("/slug-blobs/%s", json_str(slug, "id"));
	auto_free char *params = xasprintf("method=%s", method);
	auto_free char *target = secrets_sign(call->c->secrets, path, params,
					      api_now() + BLOB_URL_SEC);

	return xasprintf("%s%s", call->base, target);
}

static void slug_reply(struct api_call *call, const json_t *slug,
		       const char *method)
{
	auto_free char *url = slug_url(call, slug, method);

	call->reply = views_slug(&call->views, slug, method, url);
}

static int slug_create_call(struct api_call *call, struct error *e)
{
	auto_json *slug = NULL;
	int r = slugs_create(call->c->engine, call->app.j, call->body, &slug, e);

	if (r != 0)
		return r;
	slug_reply(call, slug, "put");
	call->status = 201;
	return 0;
}

static int slug_get_call(struct api_call *call, struct error *e)
{
	auto_doc slug = DOC_INIT;
	int r = slugs_find(call->c->engine, NULL,
			   http_request_param(call->req, "slug"), &slug, e);

	if (r == 0)
		r = collaborators_check_slug(call->c->engine, call->principal,
					     call->app.j, slug.j, e);
	if (r == 0)
		slug_reply(call, slug.j, "get");
	return r;
}

API_HANDLER(api_slugs_create, slug_create_call, API_APP | API_BODY)
API_HANDLER(api_slugs_get, slug_get_call, API_APP)

int api_slugs_capability(struct controller *c, struct http_request *req,
			 const char *method, struct doc *ret, struct error *e)
{
	auto_free char *params = xasprintf("method=%s", method);

	if (!secrets_check(c->secrets, http_request_path(req), params,
			   http_request_query(req, "expires"),
			   http_request_query(req, "signature"), api_now()))
		return outcome_set(e, OUTCOME_FORBIDDEN,
				   "This URL is not valid, or no longer.");
	return slugs_find(c->engine, NULL, http_request_param(req, "slug"), ret,
			  e);
}
