/*
 * api_account.c - the account, and what every app has in the same way.
 */
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/engine.h"
#include "controller/model/fixed_id.h"
#include "controller/model/outcome.h"

static int account_call(struct api_call *call, struct error *e)
{
	call->reply = views_account(&call->views);
	return 0;
}

static int collaborators_call(struct api_call *call, struct error *e)
{
	char id[UUID_TEXT_MAX];
	const json_t *created = json_object_get(call->app.j, "created_at");

	fixed_id(id, "collaborator", json_str(call->app.j, "id"));
	call->reply = json_pack("[{s:s, s:O, s:O, s:{s:O, s:O}, s:[], s:s, s:o}]",
		"id", id, "created_at", created, "updated_at", created,
		"app", "id", json_object_get(call->app.j, "id"),
		"name", json_object_get(call->app.j, "name"),
		"permissions", "role", "owner",
		"user", views_owner(&call->views, call->app.j));
	json_object_set_new(json_object_get(json_array_get(call->reply, 0),
					    "user"), "federated", json_false());
	return 0;
}

static int empty_list_call(struct api_call *call, struct error *e)
{
	call->reply = json_array();
	return 0;
}

static int none_call(struct api_call *call, struct error *e)
{
	return outcome_set(e, OUTCOME_NOT_FOUND, "Couldn't find that resource.");
}

/* No certificates are kept here: TLS ends in front of the router. */
static int endpoint_create_call(struct api_call *call, struct error *e)
{
	return outcome_set(e, OUTCOME_INVALID, "There are no SNI endpoints here: "
			   "certificates are set up with the router by its operator.");
}

API_HANDLER(api_account, account_call, 0)
API_HANDLER(api_collaborators, collaborators_call, API_APP)
API_HANDLER(api_account_list, empty_list_call, 0)
API_HANDLER(api_empty_list, empty_list_call, API_APP)
API_HANDLER(api_none, none_call, 0)
API_HANDLER(api_app_none, none_call, API_APP)
API_HANDLER(api_endpoints_create, endpoint_create_call, API_APP | API_BODY)
