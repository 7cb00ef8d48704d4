/*
 * api_account.c - the account, and what every app has in the same way.
 */
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/model/apps.h"
#include "controller/engine.h"
#include "controller/model/fixed_id.h"
#include "controller/model/outcome.h"
#include "controller/model/sizes.h"

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

static int stacks_call(struct api_call *call, struct error *e)
{
	const char *at = call->c->engine->account_created;
	json_t *stack = views_stack(APPS_STACK);

	json_object_set_new(stack, "default", json_true());
	json_object_set_new(stack, "state", json_string("public"));
	json_object_set_new(stack, "created_at", json_string(at));
	json_object_set_new(stack, "updated_at", json_string(at));
	call->reply = json_pack("[o]", stack);
	return 0;
}

static int regions_call(struct api_call *call, struct error *e)
{
	const char *at = call->c->engine->account_created;
	json_t *region = views_region(), *more;

	more = json_pack("{s:s, s:s, s:s, s:b, s:{s:s, s:s}, s:s, s:s}",
		"country", "Here", "description", "This machine",
		"locale", "Here", "private_capable", 0,
		"provider", "name", "dyno", "region", "local",
		"created_at", at, "updated_at", at);
	json_object_update_new(region, more);
	call->reply = json_pack("[o]", region);
	return 0;
}

static int sizes_call(struct api_call *call, struct error *e)
{
	const struct size *s;

	call->reply = json_array();
	for (size_t i = 0; (s = sizes_at(i)); i++) {
		char id[UUID_TEXT_MAX];

		fixed_id(id, "size", s->name);
		json_array_append_new(call->reply, json_pack(
			"{s:s, s:s, s:f, s:I, s:n, s:b, s:i, s:b, s:s}",
			"id", id, "name", s->name,
			"memory", (double)s->memory / (1024 * 1024 * 1024.0),
			"compute", (json_int_t)s->cpus, "cost",
			"dedicated", s->max_per_type > 0,
			"dyno_units", 1, "private_space_only", 0,
			"architecture", "amd64"));
	}
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


API_HANDLER(api_account, account_call, 0)
API_HANDLER(api_collaborators, collaborators_call, API_APP)
API_HANDLER(api_stacks, stacks_call, 0)
API_HANDLER(api_regions, regions_call, 0)
API_HANDLER(api_sizes, sizes_call, 0)
API_HANDLER(api_account_list, empty_list_call, 0)
API_HANDLER(api_empty_list, empty_list_call, API_APP)
API_HANDLER(api_none, none_call, 0)
