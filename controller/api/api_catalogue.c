/*
 * api_catalogue.c - what there is to choose from: stacks, regions, dyno sizes.
 */
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/engine.h"
#include "controller/model/apps.h"
#include "controller/model/fixed_id.h"
#include "controller/model/outcome.h"
#include "controller/model/sizes.h"

static const char *const catalogue_attrs[] = { "name", "id", NULL };

static json_t *catalogue_stacks(struct api_call *call)
{
	const char *at = call->c->engine->account_created;
	json_t *stack = views_stack(APPS_STACK);
	json_t *more = json_pack("{s:b, s:s, s:s, s:s}", "default", 1,
				 "state", "public", "created_at", at,
				 "updated_at", at);

	json_object_update_new(stack, more);
	return json_pack("[o]", stack);
}

static json_t *catalogue_regions(struct api_call *call)
{
	const char *at = call->c->engine->account_created;
	json_t *region = views_region(), *more;

	more = json_pack("{s:s, s:s, s:s, s:b, s:{s:s, s:s}, s:s, s:s}",
		"country", "Here", "description", "This machine",
		"locale", "Here", "private_capable", 0,
		"provider", "name", "dyno", "region", APPS_REGION,
		"created_at", at, "updated_at", at);
	json_object_update_new(region, more);
	return json_pack("[o]", region);
}

/* What a size costs and how it is billed has no meaning here. */
static json_t *catalogue_size(const struct size *s)
{
	char id[UUID_TEXT_MAX], cedar[UUID_TEXT_MAX];
	bool dedicated = s->max_per_type > 0;

	return json_pack(
		"{s:s, s:s, s:f, s:I, s:n, s:b, s:f, s:b, s:s, s:b, s:{s:s, s:s},"
		" s:s, s:s}",
		"id", fixed_id(id, "size", s->name), "name", s->name,
		"memory", (double)s->memory / (1024 * 1024 * 1024.0),
		"compute", (json_int_t)s->cpus, "cost",
		"dedicated", dedicated, "precise_dyno_units", 1.0,
		"private_space_only", 0, "architecture", "amd64",
		"can_autoscale", 0,
		"generation", "id", fixed_id(cedar, "generation", "cedar"),
		"name", "cedar", "infrastructure_tier", "production",
		"product_dyno_tier", s->one_per_type ? "hobby" :
		dedicated ? "performance" : "standard");
}

static json_t *catalogue_sizes(struct api_call *call)
{
	json_t *out = json_array();
	const struct size *s;

	for (size_t i = 0; (s = sizes_at(i)); i++)
		json_array_append_new(out, catalogue_size(s));
	return out;
}

/* The one whose name (sizes: in any case) or id is the parameter. */
static int catalogue_one(struct api_call *call, const char *what, json_t *list,
			 struct error *e)
{
	auto_json *owned = list;
	const char *which = http_request_param(call->req, what);
	const struct size *size = sizes_find(which);
	json_t *it;
	size_t i;

	json_array_foreach(owned, i, it)
		if (str_eq(json_str(it, "id"), which) ||
		    str_eq(json_str(it, "name"), which) ||
		    (size && str_eq(json_str(it, "name"), size->name))) {
			call->reply = json_incref(it);
			return 0;
		}
	return outcome_set(e, OUTCOME_NOT_FOUND, "Couldn't find that %s (%.60s).",
			   what, which);
}

static int stacks_call(struct api_call *call, struct error *e)
{
	return api_page(call, catalogue_stacks(call), catalogue_attrs, e);
}

static int stack_call(struct api_call *call, struct error *e)
{
	return catalogue_one(call, "stack", catalogue_stacks(call), e);
}

static int regions_call(struct api_call *call, struct error *e)
{
	return api_page(call, catalogue_regions(call), catalogue_attrs, e);
}

static int region_call(struct api_call *call, struct error *e)
{
	return catalogue_one(call, "region", catalogue_regions(call), e);
}

/* In the order of the table: from small to large. */
static int sizes_call(struct api_call *call, struct error *e)
{
	return api_page_if_asked(call, catalogue_sizes(call), catalogue_attrs, e);
}

static int size_call(struct api_call *call, struct error *e)
{
	return catalogue_one(call, "size", catalogue_sizes(call), e);
}

API_HANDLER(api_stacks, stacks_call, 0)
API_HANDLER(api_stack, stack_call, 0)
API_HANDLER(api_app_stacks, stacks_call, API_APP)
API_HANDLER(api_regions, regions_call, 0)
API_HANDLER(api_region, region_call, 0)
API_HANDLER(api_sizes, sizes_call, 0)
API_HANDLER(api_size, size_call, 0)
API_HANDLER(api_app_sizes, sizes_call, API_APP)
