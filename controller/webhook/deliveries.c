/*
 * deliveries.c - a list of what waits, one pass over it that starts what is due;
 * and a list of what is done.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "controller/logplex/drain_networks.h"
#include "controller/webhook/deliveries.h"
#include "controller/webhook/signature.h"
#include "http/client.h"

#include <stdio.h>

#define PAUSE_FIRST_USEC (2 * USEC_PER_SEC)

enum delivery_state {
	DELIVERY_PENDING,
	DELIVERY_RETRYING,
	DELIVERY_FAILED,
	DELIVERY_SUCCEEDED,
};

static const char *const state_names[] = {
	[DELIVERY_PENDING] = "pending",
	[DELIVERY_RETRYING] = "retrying",
	[DELIVERY_FAILED] = "failed",
	[DELIVERY_SUCCEEDED] = "succeeded",
};

struct delivery {
	struct list link;
	struct deliveries *all;
	char id[UUID_TEXT_MAX], app[UUID_TEXT_MAX];
	json_t *hook, *event;
	enum delivery_state state;
	int attempts;
	uint64_t created, updated, next;	/* real microseconds */
	json_t *last;				/* attempt, or NULL */
	struct http_call *call;
};

struct deliveries {
	sd_event *event;
	struct http_client *client;
	const struct drain_networks *networks;
	struct list waiting;			/* by age */
	size_t n_waiting;
	struct list done;
	unsigned running;
	sd_event_source *timer;
};

static bool delivery_waits(const struct delivery *d)
{
	return d->state == DELIVERY_PENDING || d->state == DELIVERY_RETRYING;
}

static struct delivery *delivery_free(struct delivery *d)
{
	if (delivery_waits(d))
		d->all->n_waiting--;
	if (d->call) {
		d->call = http_call_free(d->call);
		d->all->running--;
	}
	list_unlink(&d->link);
	json_decref(d->hook);
	json_decref(d->event);
	json_decref(d->last);
	free(d);
	return NULL;
}

int deliveries_new(struct deliveries **ret, sd_event *event,
		   const struct drain_networks *networks, struct error *e)
{
	auto_(deliveries_free_p) struct deliveries *d = xcalloc(1, sizeof(*d));
	/* Calls have whole URLs. */
	struct http_client_spec spec = {
		.base = "http://localhost", .user_agent = "Heroku-Webhooks",
	};
	int r;

	d->event = event;
	d->networks = networks;
	list_init(&d->waiting);
	list_init(&d->done);
	r = http_client_new(&d->client, event, &spec, e);
	if (r < 0)
		return r;
	*ret = take_ptr(d);
	return 0;
}

struct deliveries *deliveries_free(struct deliveries *d)
{
	struct delivery *it, *next;

	if (!d)
		return NULL;
	list_for_each_safe(it, next, &d->waiting, link)
		delivery_free(it);
	list_for_each_safe(it, next, &d->done, link)
		delivery_free(it);
	loop_unref(d->timer);
	http_client_free(d->client);
	free(d);
	return NULL;
}

/* ---- an attempt ---- */

static void deliveries_pump(struct deliveries *d);

static json_t *delivery_body(const struct delivery *d, const char *attempt)
{
	const json_t *payload = json_object_get(d->event, "payload");
	char now[CLOCK_TEXT_MAX];
	json_t *out = json_pack(
		"{s:O, s:O, s:O, s:s, s:n, s:{s:{s:s}, s:{s:s}, s:{s:O, s:O}, s:{s:O}}}",
		"id", json_object_get(d->event, "id"),
		"created_at", json_object_get(d->event, "created_at"),
		"updated_at", json_object_get(d->event, "updated_at"),
		"published_at", clock_api_text(now, clock_real_usec()), "sequence",
		"webhook_metadata", "attempt", "id", attempt, "delivery", "id", d->id,
		"event", "id", json_object_get(d->event, "id"),
		"include", json_object_get(d->event, "include"),
		"webhook", "id", json_object_get(d->hook, "id"));

	json_object_update(out, (json_t *)(uintptr_t)payload);
	return out;
}

static void delivery_note(struct delivery *d, const char *status, int code,
			  const char *error)
{
	char now[CLOCK_TEXT_MAX];

	d->updated = clock_real_usec();
	json_object_set_new(d->last, "status", json_string(status));
	json_object_set_new(d->last, "code", code ? json_integer(code) : json_null());
	json_object_set_new(d->last, "error_class",
			    error ? json_string(error) : json_null());
	json_object_set_new(d->last, "updated_at",
			    json_string(clock_api_text(now, d->updated)));
}

static const char *delivery_begin(struct delivery *d)
{
	char id[UUID_TEXT_MAX], now[CLOCK_TEXT_MAX];

	json_decref(d->last);
	d->last = json_pack("{s:s, s:s}", "id", id_uuid(id), "created_at",
			    clock_api_text(now, clock_real_usec()));
	d->attempts++;
	delivery_note(d, "scheduled", 0, NULL);
	return json_str(d->last, "id");
}

/* The oldest that are done make room. */
static void delivery_done(struct delivery *d, enum delivery_state state)
{
	struct deliveries *all = d->all;
	struct delivery *it, *oldest = NULL;
	size_t n = 0;

	d->state = state;
	d->next = 0;
	all->n_waiting--;
	list_unlink(&d->link);
	list_for_each(it, &all->done, link) {
		if (!str_eq(it->app, d->app))
			continue;
		oldest = oldest ? oldest : it;
		n++;
	}
	if (n >= DELIVERIES_DONE)
		delivery_free(oldest);
	list_add_tail(&all->done, &d->link);
}

/* 2 s, 4 s, ... an hour; a part of it by chance. */
static uint64_t delivery_pause(int attempts)
{
	uint64_t max = DELIVERIES_PAUSE_MAX_SEC * USEC_PER_SEC;
	uint64_t pause = PAUSE_FIRST_USEC << (attempts < 12 ? attempts - 1 : 11);

	if (pause > max)
		pause = max;
	return pause / 2 + id_random((uint32_t)(pause / 2 / USEC_PER_MSEC)) *
	       USEC_PER_MSEC;
}

static void delivery_failed(struct delivery *d, int code, const char *error)
{
	uint64_t now = clock_real_usec();
	const char *level = json_str(d->hook, "level");
	bool again = level && str_eq(level, "sync") &&
		     now < d->created + DELIVERIES_AGE_SEC * USEC_PER_SEC;

	delivery_note(d, "failed", code, error);
	if (!again) {
		delivery_done(d, DELIVERY_FAILED);
		return;
	}
	d->state = DELIVERY_RETRYING;
	d->next = now + delivery_pause(d->attempts);
}

static void on_delivery_done(const struct http_result *res, void *userdata)
{
	struct delivery *d = userdata;
	struct deliveries *all = d->all;
	struct http_call *call = take_ptr(d->call);

	all->running--;
	if (res->r < 0) {
		log_debug("webhook %s: %s", json_str(d->hook, "id"), res->error->msg);
		delivery_failed(d, 0, "ConnectionError");
	} else if (res->status / 100 != 2) {
		delivery_failed(d, res->status, "ClientError");
	} else {
		delivery_note(d, "succeeded", res->status, NULL);
		delivery_done(d, DELIVERY_SUCCEEDED);
	}
	http_call_free(call);
	deliveries_pump(all);
}

static bool on_delivery_address(const struct sockaddr *address, void *userdata)
{
	const struct deliveries *all = userdata;

	return drain_networks_allow(all->networks, address);
}

static void delivery_start(struct delivery *d)
{
	auto_json *body = delivery_body(d, delivery_begin(d));
	auto_free char *text = json_text(body);
	const char *authorization = json_str(d->hook, "authorization");
	const char *secret = json_str(d->hook, "secret");
	auto_free char *sum = signature_make(secret, text, strlen(text));
	auto_free char *signature = xasprintf("Heroku-Webhook-Hmac-SHA256: %s", sum);
	auto_free char *who = authorization ?
		xasprintf("Authorization: %s", authorization) : NULL;
	const char *headers[] = { signature, who, NULL };
	struct http_call_spec spec = {
		.method = "POST", .path = json_str(d->hook, "url"), .body = text,
		.body_len = strlen(text), .headers = headers,
		.timeout_usec = DELIVERIES_TIMEOUT_SEC * USEC_PER_SEC,
		.no_body = true, .direct = true,
		.on_address = on_delivery_address, .userdata = d->all,
	};
	struct error e;

	if (http_call_new(&d->call, d->all->client, &spec, on_delivery_done, d,
			  &e) < 0)
		delivery_failed(d, 0, "ConnectionError");
	else
		d->all->running++;
}

/* ---- the list ---- */

static int on_deliveries_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct deliveries *all = userdata;

	all->timer = loop_unref(all->timer);
	deliveries_pump(all);
	return 0;
}

static void deliveries_wake_in(struct deliveries *all, uint64_t usec)
{
	struct error e;

	if (loop_timer(all->event, &all->timer, usec, on_deliveries_timer, all,
		       "webhooks", &e) < 0)
		log_err("%s", e.msg);
}

/* Of each webhook the oldest one: order is kept. */
static void deliveries_pump(struct deliveries *all)
{
	uint64_t now = clock_real_usec(), first = UINT64_MAX;
	struct map hooks = MAP_INIT;
	struct delivery *d, *following;

	list_for_each_safe(d, following, &all->waiting, link) {
		if (map_set(&hooks, json_str(d->hook, "id"), all) || d->call)
			continue;
		if (d->next <= now && all->running < DELIVERIES_RUNNING)
			delivery_start(d);
		if (delivery_waits(d) && !d->call && d->next < first)
			first = d->next;
	}
	map_deinit(&hooks);
	/* When all places are taken, the end of a call goes on. */
	if (first != UINT64_MAX && all->running < DELIVERIES_RUNNING)
		deliveries_wake_in(all, first > now ? first - now : USEC_PER_MSEC);
}

static bool deliveries_are_full(const struct deliveries *all, const char *app)
{
	const struct delivery *d;
	size_t n = 0;

	list_for_each(d, &all->waiting, link)
		n += str_eq(d->app, app);
	return n >= DELIVERIES_WAITING || all->n_waiting >= DELIVERIES_WAITING_ALL;
}

void deliveries_add(struct deliveries *all, const char *app_id, json_t *hook,
		    json_t *event)
{
	bool full = deliveries_are_full(all, app_id);
	struct delivery *d = xcalloc(1, sizeof(*d));

	d->all = all;
	id_uuid(d->id);
	snprintf(d->app, sizeof(d->app), "%s", app_id);
	d->hook = json_incref(hook);
	d->event = json_incref(event);
	d->created = d->updated = d->next = clock_real_usec();
	list_add_tail(&all->waiting, &d->link);
	all->n_waiting++;
	if (full) {
		delivery_begin(d);
		delivery_note(d, "failed", 0, "QueueFull");
		delivery_done(d, DELIVERY_FAILED);
		return;
	}
	/* From the loop: who adds is in the middle of something. */
	deliveries_wake_in(all, 0);
}

void deliveries_hook(struct deliveries *all, const char *hook_id, json_t *hook)
{
	struct delivery *d, *next;

	list_for_each_safe(d, next, &all->waiting, link) {
		if (!str_eq(json_str(d->hook, "id"), hook_id))
			continue;
		if (hook) {
			json_decref(d->hook);
			d->hook = json_incref(hook);
		} else {
			delivery_free(d);
		}
	}
}

static void deliveries_drop(struct list *list, const char *app_id)
{
	struct delivery *d, *next;

	list_for_each_safe(d, next, list, link)
		if (str_eq(d->app, app_id))
			delivery_free(d);
}

void deliveries_forget(struct deliveries *all, const char *app_id)
{
	deliveries_drop(&all->waiting, app_id);
	deliveries_drop(&all->done, app_id);
}

static json_t *delivery_time(uint64_t usec)
{
	char text[CLOCK_TEXT_MAX];

	return usec ? json_string(clock_api_text(text, usec)) : json_null();
}

static json_t *delivery_view(const struct delivery *d)
{
	return json_pack(
		"{s:s, s:s, s:i, s:o, s:O, s:o, s:o, s:{s:O, s:O}, s:{s:O, s:O}}",
		"id", d->id, "status", state_names[d->state],
		"num_attempts", d->attempts,
		"next_attempt_at", delivery_time(delivery_waits(d) ? d->next : 0),
		"last_attempt", d->last ? d->last : json_null(),
		"created_at", delivery_time(d->created),
		"updated_at", delivery_time(d->updated),
		"event", "id", json_object_get(d->event, "id"),
		"include", json_object_get(d->event, "include"),
		"webhook", "id", json_object_get(d->hook, "id"),
		"level", json_object_get(d->hook, "level"));
}

static void deliveries_show(json_t *out, const struct list *list,
			    const char *app_id)
{
	const struct delivery *d;

	list_for_each(d, list, link)
		if (str_eq(d->app, app_id))
			json_array_append_new(out, delivery_view(d));
}

json_t *deliveries_list(const struct deliveries *all, const char *app_id)
{
	json_t *out = json_array();

	deliveries_show(out, &all->done, app_id);
	deliveries_show(out, &all->waiting, app_id);
	return out;
}
