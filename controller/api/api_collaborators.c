/*
 * api_collaborators.c - who else may use an app.
 */
#include "base/error.h"
#include "controller/access/accounts.h"
#include "controller/access/collaborators.h"
#include "controller/api/api_handlers.h"
#include "controller/engine.h"
#include "controller/model/apps.h"
#include "controller/model/fixed_id.h"
#include "controller/model/outcome.h"

#include <strings.h>

static json_t *collaborator_view(struct api_call *call, const json_t *one,
				 const char *role)
{
	const char *account = json_str(one, "account");
	char email[PRINCIPAL_EMAIL_MAX];

	return json_pack("{s:O, s:O, s:O, s:{s:O, s:O}, s:[], s:s,"
			 " s:{s:s, s:s, s:b}}",
		"id", json_object_get(one, "id"),
		"created_at", json_object_get(one, "created_at"),
		"updated_at", json_object_get(one, "updated_at"),
		"app", "id", json_object_get(call->app.j, "id"),
		"name", json_object_get(call->app.j, "name"),
		"permissions", "role", role,
		"user", "id", account, "email",
		accounts_email(call->c->engine, account, email), "federated", 0);
}

/* The owner is one too, by the app's own entry. */
static json_t *collaborator_owner(struct api_call *call)
{
	const json_t *created = json_object_get(call->app.j, "created_at");
	auto_json *one = NULL;
	char id[UUID_TEXT_MAX];

	fixed_id(id, "collaborator", json_str(call->app.j, "id"));
	one = json_pack("{s:s, s:s, s:O, s:O}", "id", id, "account",
			apps_owner(call->c->engine, call->app.j),
			"created_at", created, "updated_at", created);
	return collaborator_view(call, one, "owner");
}

/* which: its id, or the account's id or email. *ret is the owner's entry. */
static bool collaborator_is_owner(struct api_call *call, const char *which,
				  json_t **ret)
{
	json_t *owner = collaborator_owner(call);
	const json_t *user = json_object_get(owner, "user");

	*ret = owner;
	return str_eq(json_str(owner, "id"), which) ||
	       str_eq(json_str(user, "id"), which) ||
	       strcasecmp(json_str(user, "email"), which) == 0;
}

static int collaborator_list_call(struct api_call *call, struct error *e)
{
	static const char *const attrs[] = { "id", NULL };
	auto_json *all = NULL;
	json_t *out, *one;
	size_t i;
	int r = collaborators_list(call->c->engine, call->app.j, &all, e);

	if (r != 0)
		return r;
	out = json_pack("[o]", collaborator_owner(call));
	json_array_foreach(all, i, one)
		json_array_append_new(out, collaborator_view(call, one,
							     "collaborator"));
	return api_page_if_asked(call, out, attrs, e);
}

static int collaborator_get_call(struct api_call *call, struct error *e)
{
	const char *which = http_request_param(call->req, "collaborator");
	auto_json *owner = NULL;
	auto_doc one = DOC_INIT;
	int r;

	if (collaborator_is_owner(call, which, &owner)) {
		call->reply = take_ptr(owner);
		return 0;
	}
	r = collaborators_find(call->c->engine, call->app.j, which, &one, e);
	if (r == 0)
		call->reply = collaborator_view(call, one.j, "collaborator");
	return r;
}

/* user: an email or id, also as {"email"} or {"id"}. */
static int collaborator_add_call(struct api_call *call, struct error *e)
{
	const json_t *user = json_object_get(call->body, "user");
	const char *which = json_string_value(user);
	auto_doc one = DOC_INIT;
	int r;

	if (!which && json_is_object(user))
		which = json_str(user, "email") ? json_str(user, "email")
						: json_str(user, "id");
	if (!which)
		return outcome_set(e, OUTCOME_INVALID,
				   "user must be an email address or an id.");
	r = collaborators_add(call->c->engine, &call->app, which, &one, e);
	if (r != 0)
		return r;
	call->status = 201;
	call->reply = collaborator_view(call, one.j, "collaborator");
	return 0;
}

/* Owners remove others; everybody else may leave. */
static int collaborator_remove_call(struct api_call *call, struct error *e)
{
	struct engine *g = call->c->engine;
	const char *which = http_request_param(call->req, "collaborator");
	auto_json *owner = NULL;
	auto_doc one = DOC_INIT;
	int r;

	if (collaborator_is_owner(call, which, &owner))
		return outcome_set(e, OUTCOME_FORBIDDEN, "The owner of an app cannot leave "
				   "it, nor be removed.");
	r = collaborators_find(g, call->app.j, which, &one, e);
	if (r != 0)
		return r;
	if (!collaborators_is_owner(g, call->principal, call->app.j) &&
	    !str_eq(json_str(one.j, "account"), call->principal->id))
		return outcome_set(e, OUTCOME_FORBIDDEN, "Only the owner of the app "
				   "may do this.");
	r = collaborators_remove(g, &call->app, &one, e);
	if (r == 0)
		call->reply = collaborator_view(call, one.j, "collaborator");
	return r;
}

API_HANDLER(api_collaborators_list, collaborator_list_call, API_APP)
API_HANDLER(api_collaborators_get, collaborator_get_call, API_APP)
API_HANDLER(api_collaborators_add, collaborator_add_call,
	    API_APP | API_OWNER | API_BODY)
API_HANDLER(api_collaborators_remove, collaborator_remove_call, API_APP)
