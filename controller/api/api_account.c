/*
 * api_account.c - what is the same for every account and app: nothing.
 */
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/model/outcome.h"

static int empty_list_call(struct api_call *call, struct error *e)
{
	call->reply = json_array();
	return 0;
}

static int none_call(struct api_call *call, struct error *e)
{
	return outcome_set(e, OUTCOME_NOT_FOUND, "Couldn't find that resource (%.100s).",
			   http_request_path(call->req));
}

/* No certificates are kept here: TLS ends in front of the router. */
static int endpoint_create_call(struct api_call *call, struct error *e)
{
	return outcome_set(e, OUTCOME_INVALID, "There are no SNI endpoints here: "
			   "certificates are set up with the router by its operator.");
}

API_HANDLER(api_account_list, empty_list_call, 0)
API_HANDLER(api_empty_list, empty_list_call, API_APP)
API_HANDLER(api_none, none_call, 0)
API_HANDLER(api_app_none, none_call, API_APP)
API_HANDLER(api_endpoints_create, endpoint_create_call, API_APP | API_BODY)
