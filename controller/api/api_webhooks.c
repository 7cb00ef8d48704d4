/*
 * api_webhooks.c - subscriptions, and what became of the events.
 */
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/engine.h"
#include "controller/model/outcome.h"
#include "controller/model/webhooks.h"
#include "controller/webhook/webhook_feed.h"

static const char *const webhook_attrs[] = { "id", "created_at", NULL };

/* Without secret and authorization: nobody reads them again. */
static json_t *webhook_view(struct api_call *call, const json_t *hook)
{
	uint64_t dropped = webhook_feed_dropped(call->c->webhooks,
						json_str(hook, "id"));

	return json_pack("{s:{s:O, s:O}, s:O, s:O, s:O, s:O, s:O, s:O, s:I}",
		"app", "id", json_object_get(call->app.j, "id"),
		"name", json_object_get(call->app.j, "name"),
		"id", json_object_get(hook, "id"),
		"created_at", json_object_get(hook, "created_at"),
		"updated_at", json_object_get(hook, "updated_at"),
		"include", json_object_get(hook, "include"),
		"level", json_object_get(hook, "level"),
		"url", json_object_get(hook, "url"),
		"dropped_deliveries", (json_int_t)dropped);
}

static int webhooks_list_call(struct api_call *call, struct error *e)
{
	auto_json *hooks = NULL;
	json_t *out, *hook;
	size_t i;
	int r = webhooks_list(call->c->engine, json_str(call->app.j, "id"), &hooks,
			      e);

	if (r < 0)
		return r;
	out = json_array();
	json_array_foreach(hooks, i, hook)
		json_array_append_new(out, webhook_view(call, hook));
	return api_page(call, out, webhook_attrs, e);
}

static int webhook_param(struct api_call *call, json_t **ret, struct error *e)
{
	return webhooks_find(call->c->engine, json_str(call->app.j, "id"),
			     http_request_param(call->req, "webhook"), ret, e);
}

static int webhook_get_call(struct api_call *call, struct error *e)
{
	auto_json *hook = NULL;
	int r = webhook_param(call, &hook, e);

	if (r == 0)
		call->reply = webhook_view(call, hook);
	return r;
}

/* The one time that the secret is told. */
static void webhook_tell_secret(struct api_call *call, const json_t *hook)
{
	http_reply_header(call->req, "Heroku-Webhook-Secret",
			  json_str(hook, "secret"));
}

static int webhook_create_call(struct api_call *call, struct error *e)
{
	auto_json *hook = NULL;
	int r = webhooks_create(call->c->engine, &call->app, call->body, &hook, e);

	if (r != 0)
		return r;
	webhook_feed_look(call->c->webhooks, json_str(call->app.j, "id"));
	webhook_tell_secret(call, hook);
	call->status = 201;
	call->reply = webhook_view(call, hook);
	return 0;
}

static int webhook_update_call(struct api_call *call, struct error *e)
{
	auto_json *hook = NULL;
	int r = webhook_param(call, &hook, e);

	if (r == 0)
		r = webhooks_update(call->c->engine, &call->app, hook, call->body, e);
	if (r != 0)
		return r;
	if (json_object_get(call->body, "secret"))
		webhook_tell_secret(call, hook);
	call->reply = webhook_view(call, hook);
	return 0;
}

static int webhook_delete_call(struct api_call *call, struct error *e)
{
	auto_json *hook = NULL;
	int r = webhook_param(call, &hook, e);

	if (r != 0)
		return r;
	call->reply = webhook_view(call, hook);
	r = webhooks_remove(call->c->engine, &call->app, hook, e);
	/* Nothing is sent any more when this is answered. */
	if (r == 0)
		webhook_feed_look(call->c->webhooks, json_str(call->app.j, "id"));
	return r;
}

/* ---- what became of it ---- */

static int webhook_one(struct api_call *call, const char *what, json_t *list,
		       struct error *e)
{
	auto_json *owned = list;
	const char *id = http_request_param(call->req, what);
	json_t *it;
	size_t i;

	json_array_foreach(owned, i, it)
		if (str_eq(json_str(it, "id"), id)) {
			call->reply = json_incref(it);
			return 0;
		}
	return outcome_set(e, OUTCOME_NOT_FOUND, "Couldn't find that %s (%.60s).",
			   what, id);
}

static json_t *webhook_events(struct api_call *call)
{
	return webhook_feed_events(call->c->webhooks, json_str(call->app.j, "id"));
}

static json_t *webhook_deliveries(struct api_call *call)
{
	return webhook_feed_deliveries(call->c->webhooks,
				       json_str(call->app.j, "id"));
}

static int webhook_events_call(struct api_call *call, struct error *e)
{
	return api_page(call, webhook_events(call), webhook_attrs, e);
}

static int webhook_event_call(struct api_call *call, struct error *e)
{
	return webhook_one(call, "event", webhook_events(call), e);
}

/* "?eq[status]=failed" is all that the heroku command ever asks for. */
static json_t *webhook_deliveries_wanted(struct api_call *call)
{
	const char *status = http_request_query(call->req, "eq[status]");
	json_t *list = webhook_deliveries(call);

	for (size_t i = json_array_size(list); status && i > 0; i--)
		if (!str_eq(json_str(json_array_get(list, i - 1), "status"), status))
			json_array_remove(list, i - 1);
	return list;
}

static int webhook_deliveries_call(struct api_call *call, struct error *e)
{
	static const char *const attrs[] = { "id", "created_at", "seq", NULL };

	return api_page(call, webhook_deliveries_wanted(call), attrs, e);
}

static int webhook_delivery_call(struct api_call *call, struct error *e)
{
	return webhook_one(call, "delivery", webhook_deliveries(call), e);
}

API_HANDLER(api_webhooks_list, webhooks_list_call, API_APP)
API_HANDLER(api_webhooks_create, webhook_create_call, API_APP | API_BODY)
API_HANDLER(api_webhooks_get, webhook_get_call, API_APP)
API_HANDLER(api_webhooks_update, webhook_update_call, API_APP | API_BODY)
API_HANDLER(api_webhooks_delete, webhook_delete_call, API_APP)
API_HANDLER(api_webhook_events, webhook_events_call, API_APP)
API_HANDLER(api_webhook_event, webhook_event_call, API_APP)
API_HANDLER(api_webhook_deliveries, webhook_deliveries_call, API_APP)
API_HANDLER(api_webhook_delivery, webhook_delivery_call, API_APP)
