/*
 * api_domains.c - the host names under which an app is reached.
 */
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/engine.h"
#include "controller/model/domains.h"
#include "controller/model/outcome.h"

static const char *const domain_attrs[] = { "id", "hostname", NULL };

static int domains_list_call(struct api_call *call, struct error *e)
{
	auto_doc_list all = DOC_LIST_INIT;
	json_t *out;
	int r = domains_list(call->c->engine, json_str(call->app.j, "id"), &all, e);

	if (r < 0)
		return r;
	out = json_pack("[o]", views_domain(&call->views, call->app.j, NULL));
	for (size_t i = 0; i < all.n; i++)
		json_array_append_new(out, views_domain(&call->views, call->app.j,
							all.v[i].j));
	return api_page(call, out, domain_attrs, e);
}

static int domain_param(struct api_call *call, struct doc *ret, struct error *e)
{
	return domains_find(call->c->engine, json_str(call->app.j, "id"),
			    http_request_param(call->req, "domain"), ret, e);
}

/* The app's own one: by its name, or its id. ret->j stays NULL then. */
static int domain_any(struct api_call *call, struct doc *ret, struct error *e)
{
	auto_json *own = views_domain(&call->views, call->app.j, NULL);
	const char *which = http_request_param(call->req, "domain");

	if (str_eq(which, json_str(own, "hostname")) ||
	    str_eq(which, json_str(own, "id")))
		return 0;
	return domain_param(call, ret, e);
}

static int domain_get_call(struct api_call *call, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = domain_any(call, &d, e);

	if (r == 0)
		call->reply = views_domain(&call->views, call->app.j, d.j);
	return r;
}

/* There are no certificates to choose: see sni-endpoints. */
static int domain_check_endpoint(struct api_call *call, struct error *e)
{
	const json_t *endpoint = json_object_get(call->body, "sni_endpoint");

	if (endpoint && !json_is_null(endpoint))
		return outcome_set(e, OUTCOME_INVALID, "Couldn't find that SNI "
				   "endpoint: there are none; sni_endpoint is null.");
	return 0;
}

static int domain_create_call(struct api_call *call, struct error *e)
{
	const char *hostname = json_str(call->body, "hostname");
	auto_json *made = NULL;
	int r = domain_check_endpoint(call, e);

	if (r == 0 && !hostname)
		r = outcome_set(e, OUTCOME_INVALID, "hostname must be a string.");
	if (r == 0)
		r = domains_add(call->c->engine, &call->app, hostname,
				&made, e);
	if (r != 0)
		return r;
	call->status = 201;
	call->reply = views_domain(&call->views, call->app.j, made);
	return 0;
}

static int domain_update_call(struct api_call *call, struct error *e)
{
	int r = domain_check_endpoint(call, e);

	return r ? r : domain_get_call(call, e);
}

static int domain_delete_call(struct api_call *call, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = domain_any(call, &d, e);

	if (r == 0 && !d.j)
		r = outcome_set(e, OUTCOME_INVALID, "The app's own domain goes with "
				"the app; it cannot be removed.");
	if (r != 0)
		return r;
	call->reply = views_domain(&call->views, call->app.j, d.j);
	return domains_remove(call->c->engine, &call->app, &d, e);
}

API_HANDLER(api_domains_list, domains_list_call, API_APP)
API_HANDLER(api_domains_create, domain_create_call, API_APP | API_BODY)
API_HANDLER(api_domains_get, domain_get_call, API_APP)
API_HANDLER(api_domains_update, domain_update_call, API_APP | API_BODY)
API_HANDLER(api_domains_delete, domain_delete_call, API_APP)
