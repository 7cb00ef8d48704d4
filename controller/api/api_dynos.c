/*
 * api_dynos.c - formation and dynos.
 */
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/api/body_members.h"
#include "controller/model/deaths.h"
#include "controller/engine.h"
#include "controller/model/formation.h"
#include "controller/model/names.h"
#include "controller/model/one_off.h"
#include "controller/model/outcome.h"
#include "controller/model/releases.h"
#include "controller/model/scaling.h"

static const char *const formation_attrs[] = { "type", "id", NULL };
static const char *const dyno_attrs[] = { "name", "id", NULL };

static json_t *formation_view(struct api_call *call, const json_t *entries)
{
	json_t *out = json_array(), *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
		json_array_append_new(out, views_formation(&call->views,
							   call->app.j, entry));
	return out;
}

static int formation_list_call(struct api_call *call, struct error *e)
{
	auto_json *entries = NULL;
	int r = dynos_formation(call->c->engine, json_str(call->app.j, "id"),
				&entries, e);

	if (r != 0)
		return r;
	return api_page(call, formation_view(call, entries), formation_attrs, e);
}

/* The process type in the path may also be the entry's id. */
static const json_t *formation_param(struct api_call *call,
				     const json_t *entries)
{
	const char *which = http_request_param(call->req, "type");
	json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
		if (str_eq(json_str(entry, "type"), which) ||
		    str_eq(json_str(entry, "id"), which))
			return entry;
	return NULL;
}

static int formation_get_call(struct api_call *call, struct error *e)
{
	auto_json *entries = NULL;
	const json_t *entry;
	int r = dynos_formation(call->c->engine, json_str(call->app.j, "id"),
				&entries, e);

	if (r != 0)
		return r;
	entry = formation_param(call, entries);
	if (!entry)
		return outcome_set(e, OUTCOME_NO_TYPE, "Couldn't find that process "
			"type (%.60s).", http_request_param(call->req, "type"));
	call->reply = views_formation(&call->views, call->app.j, entry);
	return 0;
}

static int formation_batch_call(struct api_call *call, struct error *e)
{
	const json_t *updates = json_object_get(call->body, "updates");
	auto_json *touched = NULL;
	int r;

	if (!json_is_array(updates))
		return outcome_set(e, OUTCOME_INVALID, "updates must be an array.");
	r = scaling_update(call->c->engine, &call->app, updates, NULL, &touched,
			   e);
	if (r == 0)
		call->reply = formation_view(call, touched);
	return r;
}

static int formation_single_call(struct api_call *call, struct error *e)
{
	auto_json *entries = NULL, *updates = json_pack("[O]", call->body);
	auto_json *touched = NULL;
	const json_t *entry;
	const char *type = http_request_param(call->req, "type");
	int r = dynos_formation(call->c->engine, json_str(call->app.j, "id"),
				&entries, e);

	if (r != 0)
		return r;
	entry = formation_param(call, entries);
	if (entry)
		type = json_str(entry, "type");
	r = scaling_update(call->c->engine, &call->app, updates, type, &touched,
			   e);
	if (r == 0)
		call->reply = views_formation(&call->views, call->app.j,
					      json_array_get(touched, 0));
	return r;
}

/* ---- dynos ---- */

/* *release is that of the dyno before, or NULL: most have the same. */
static int dyno_release(struct api_call *call, const json_t *dyno,
			json_t **release, struct error *e)
{
	long long version = json_int(dyno, "release", 0);
	auto_free char *text = xasprintf("%lld", version);

	if (*release && json_int(*release, "version", -1) == version)
		return 0;
	json_decref(*release);
	*release = NULL;
	return releases_find(call->c->engine, call->app.j, text, release, e);
}

static int dyno_view(struct api_call *call, const json_t *dyno, bool created,
		     json_t **ret, struct error *e)
{
	auto_json *release = NULL;
	int r = dyno_release(call, dyno, &release, e);

	if (r == 0)
		*ret = views_dyno(&call->views, call->app.j, dyno, release,
				  created);
	return r;
}

static int dyno_list_call(struct api_call *call, struct error *e)
{
	auto_json *dynos = NULL, *out = json_array(), *release = NULL;
	json_t *dyno;
	size_t i;
	int r = dynos_list(call->c->engine, json_str(call->app.j, "id"), &dynos,
			   e);

	json_array_foreach(dynos, i, dyno) {
		r = dyno_release(call, dyno, &release, e);
		if (r != 0)
			return r;
		json_array_append_new(out, views_dyno(&call->views, call->app.j,
						      dyno, release, false));
	}
	return r == 0 ? api_page_if_asked(call, take_ptr(out), dyno_attrs, e) : r;
}

static int dyno_param(struct api_call *call, struct doc *ret, struct error *e)
{
	return dynos_find(call->c->engine, json_str(call->app.j, "id"),
			  http_request_param(call->req, "dyno"), ret, e);
}

static int dyno_get_call(struct api_call *call, struct error *e)
{
	auto_doc dyno = DOC_INIT;
	int r = dyno_param(call, &dyno, e);

	return r == 0 ? dyno_view(call, dyno.j, false, &call->reply, e) : r;
}

static int dyno_body_check(const json_t *body, struct error *e)
{
	static const struct body_member members[] = {
		{ "command", BODY_STRING }, { "type", BODY_STRING },
		{ "size", BODY_STRING }, { "attach", BODY_BOOLEAN },
		{ "force_no_tty", BODY_BOOLEAN }, { "time_to_live", BODY_INTEGER },
	};
	const json_t *ttl = json_object_get(body, "time_to_live");
	int r = body_members_check(body, members, ARRAY_SIZE(members), e);

	/* Inside of us 0 is "for ever". */
	if (r == 0 && json_is_integer(ttl) && json_integer_value(ttl) < 1)
		r = outcome_set(e, OUTCOME_INVALID, "time_to_live must be between 1 "
				"and %d seconds.", ONE_OFF_TIME_TO_LIVE_MAX);
	return r;
}

static int dyno_create_call(struct api_call *call, struct error *e)
{
	const json_t *body = call->body;
	struct one_off o = {
		.command = json_str(body, "command"),
		.type = json_str(body, "type"), .size = json_str(body, "size"),
		.env = json_object_get(body, "env"),
		.attach = json_flag(body, "attach", false),
		.no_tty = json_flag(body, "force_no_tty", false),
		.time_to_live = json_int(body, "time_to_live", 0),
		.release = json_object_get(body, "release"),
	};
	auto_json *dyno = NULL;
	int r = dyno_body_check(body, e);

	if (r == 0)
		r = one_off_run(call->c->engine, &call->app, &o, &dyno, e);
	if (r == 0)
		r = dyno_view(call, dyno, true, &call->reply, e);
	call->status = 201;
	return r;
}

static int dyno_inside_call(struct api_call *call, struct error *e)
{
	const json_t *body = call->body;
	struct one_off o = {
		.command = json_str(body, "command"),
		.env = json_object_get(body, "env"),
		.no_tty = json_flag(body, "force_no_tty", false),
	};
	auto_doc target = DOC_INIT;
	auto_json *dyno = NULL, *view = NULL;
	int r = dyno_param(call, &target, e);

	if (r == 0)
		r = dyno_body_check(body, e);
	if (r == 0 && !json_flag(body, "attach", true))
		return outcome_set(e, OUTCOME_INVALID, "A command inside of a dyno is "
				   "always attached.");
	if (r == 0)
		r = one_off_inside(call->c->engine, &call->app, &o, target.j,
				   views_state(&call->views, target.j), &dyno, e);
	if (r == 0)
		r = dyno_view(call, dyno, true, &view, e);
	if (r != 0)
		return r;
	/* It is no dyno: there is nothing else to be told of it. */
	call->reply = json_pack("{s:O}", "attach_url",
				json_object_get(view, "attach_url"));
	call->status = 201;
	return 0;
}

static int dyno_accepted(struct api_call *call, int r)
{
	call->status = 202;
	call->reply = r == 0 ? json_object() : NULL;
	return r;
}

/* A name may be asked for when its dyno is gone; an id only while it is there. */
static int deaths_call(struct api_call *call, struct error *e)
{
	const char *which = http_request_param(call->req, "dyno");
	auto_doc dyno = DOC_INIT;
	int r = 0;

	if (!*which) {
		which = NULL;
	} else if (!names_dyno_ok(which)) {
		r = dyno_param(call, &dyno, e);
		which = json_str(dyno.j, "name");
	}
	if (r == 0)
		r = deaths_list(call->c->engine, json_str(call->app.j, "id"), which,
				&call->reply, e);
	return r;
}

static int dynos_restart_call(struct api_call *call, struct error *e)
{
	return dyno_accepted(call, dynos_restart(call->c->engine, &call->app,
						 DYNO_SCOPE_ALL, NULL, e));
}

/* Restarting a one-off makes no sense: it ends, as on Heroku. */
static int dyno_restart_call(struct api_call *call, struct error *e)
{
	auto_doc dyno = DOC_INIT;
	int r = dyno_param(call, &dyno, e);

	if (r == 0)
		r = dynos_stop(call->c->engine, &call->app, dyno.j, e);
	return dyno_accepted(call, r);
}

static int type_restart_call(struct api_call *call, struct error *e)
{
	const char *type = http_request_param(call->req, "type");

	return dyno_accepted(call, dynos_restart(call->c->engine, &call->app,
						 DYNO_SCOPE_TYPE, type, e));
}

API_HANDLER(api_formation_list, formation_list_call, API_APP)
API_HANDLER(api_formation_get, formation_get_call, API_APP)
API_HANDLER(api_formation_batch, formation_batch_call, API_APP | API_BODY)
API_HANDLER(api_formation_single, formation_single_call, API_APP | API_BODY)
API_HANDLER(api_dynos_list, dyno_list_call, API_APP)
API_HANDLER(api_dynos_get, dyno_get_call, API_APP)
API_HANDLER(api_deaths_list, deaths_call, API_APP)
API_HANDLER(api_dynos_create, dyno_create_call, API_APP | API_BODY)
API_HANDLER(api_dynos_inside, dyno_inside_call, API_APP | API_BODY)
API_HANDLER(api_dynos_restart_all, dynos_restart_call, API_APP)
API_HANDLER(api_dynos_restart, dyno_restart_call, API_APP)
API_HANDLER(api_dynos_restart_type, type_restart_call, API_APP)
