/*
 * delivery.c - a struct and its forms in JSON.
 */
#include "base/clock.h"
#include "controller/webhook/delivery.h"
#include "http/client.h"

#include <stdio.h>

#define PAUSE_FIRST_USEC (2 * USEC_PER_SEC)

static const char *const state_names[DELIVERY_STATE_COUNT] = {
	[DELIVERY_PENDING] = "pending",
	[DELIVERY_RETRYING] = "retrying",
	[DELIVERY_FAILED] = "failed",
	[DELIVERY_SUCCEEDED] = "succeeded",
};

struct delivery *delivery_new(json_t *event)
{
	struct delivery *d = xcalloc(1, sizeof(*d));

	list_init(&d->link);
	id_uuid(d->id);
	d->event = json_incref(event);
	d->created = d->updated = d->next = clock_real_usec();
	return d;
}

/* All that the API shows of it. */
static json_t *delivery_slim(json_t *event)
{
	return json_pack("{s:O, s:O}", "id", json_object_get(event, "id"),
			 "include", json_object_get(event, "include"));
}

struct delivery *delivery_restore(const struct webhook_store_delivery *row,
				  json_t *event)
{
	uint64_t latest = clock_real_usec() + DELIVERY_PAUSE_MAX_SEC * USEC_PER_SEC;
	struct delivery *d = xcalloc(1, sizeof(*d));

	list_init(&d->link);
	snprintf(d->id, sizeof(d->id), "%s", row->id);
	d->state = row->state >= 0 && row->state < DELIVERY_STATE_COUNT
		? (enum delivery_state)row->state : DELIVERY_FAILED;
	d->attempts = row->attempts;
	d->created = row->created;
	d->updated = row->updated;
	/* The clock may have been set back meanwhile. */
	d->next = row->next < latest ? row->next : latest;
	if (row->last)
		json_parse(row->last, strlen(row->last), &d->last, NULL);
	d->event = delivery_waits(d) ? json_incref(event) : delivery_slim(event);
	return d;
}

struct delivery *delivery_free(struct delivery *d)
{
	if (!d)
		return NULL;
	http_call_free(d->call);
	list_unlink(&d->link);
	json_decref(d->event);
	json_decref(d->last);
	free(d);
	return NULL;
}

bool delivery_waits(const struct delivery *d)
{
	return d->state == DELIVERY_PENDING || d->state == DELIVERY_RETRYING;
}

void delivery_note(struct delivery *d, const char *status, int code,
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

const char *delivery_begin(struct delivery *d)
{
	char id[UUID_TEXT_MAX], now[CLOCK_TEXT_MAX];

	json_decref(d->last);
	d->last = json_pack("{s:s, s:s}", "id", id_uuid(id), "created_at",
			    clock_api_text(now, clock_real_usec()));
	d->attempts++;
	delivery_note(d, "scheduled", 0, NULL);
	return json_str(d->last, "id");
}

/* 2 s, 4 s, ... an hour; a part of it by chance. */
static uint64_t delivery_pause(int attempts)
{
	uint64_t max = DELIVERY_PAUSE_MAX_SEC * USEC_PER_SEC;
	uint64_t pause = PAUSE_FIRST_USEC << (attempts < 12 ? attempts - 1 : 11);

	if (pause > max)
		pause = max;
	return pause / 2 + id_random((uint32_t)(pause / 2 / USEC_PER_MSEC)) *
	       USEC_PER_MSEC;
}

bool delivery_again(struct delivery *d, const char *level)
{
	uint64_t now = clock_real_usec();

	if (!level || !str_eq(level, "sync") ||
	    now >= d->created + DELIVERY_AGE_SEC * USEC_PER_SEC)
		return false;
	d->state = DELIVERY_RETRYING;
	d->next = now + delivery_pause(d->attempts);
	return true;
}

void delivery_end(struct delivery *d, enum delivery_state state)
{
	json_t *whole = d->event;

	d->state = state;
	d->next = 0;
	d->event = delivery_slim(whole);
	json_decref(whole);
}

char *delivery_body(const struct delivery *d, const char *hook, const char *attempt)
{
	const json_t *payload = json_object_get(d->event, "payload");
	char now[CLOCK_TEXT_MAX];
	auto_json *out = json_pack(
		"{s:O, s:O, s:O, s:s, s:n, s:{s:{s:s}, s:{s:s}, s:{s:O, s:O}, s:{s:s}}}",
		"id", json_object_get(d->event, "id"),
		"created_at", json_object_get(d->event, "created_at"),
		"updated_at", json_object_get(d->event, "updated_at"),
		"published_at", clock_api_text(now, clock_real_usec()), "sequence",
		"webhook_metadata", "attempt", "id", attempt, "delivery", "id", d->id,
		"event", "id", json_object_get(d->event, "id"),
		"include", json_object_get(d->event, "include"),
		"webhook", "id", hook);

	json_object_update(out, (json_t *)(uintptr_t)payload);
	return json_text(out);
}

static json_t *delivery_time(uint64_t usec)
{
	char text[CLOCK_TEXT_MAX];

	return usec ? json_string(clock_api_text(text, usec)) : json_null();
}

json_t *delivery_view(const struct delivery *d, const json_t *hook)
{
	return json_pack(
		"{s:s, s:I, s:s, s:i, s:o, s:O, s:o, s:o, s:{s:O, s:O}, s:{s:O, s:O}}",
		"id", d->id, "seq", (json_int_t)d->created,
		"status", state_names[d->state],
		"num_attempts", d->attempts,
		"next_attempt_at", delivery_time(delivery_waits(d) ? d->next : 0),
		"last_attempt", d->last ? d->last : json_null(),
		"created_at", delivery_time(d->created),
		"updated_at", delivery_time(d->updated),
		"event", "id", json_object_get(d->event, "id"),
		"include", json_object_get(d->event, "include"),
		"webhook", "id", json_object_get(hook, "id"),
		"level", json_object_get(hook, "level"));
}

int delivery_save(const struct delivery *d, struct webhook_store *s, const char *app,
		  const char *hook, struct error *e)
{
	auto_free char *last = d->last ? json_text(d->last) : NULL;

	return webhook_store_put(s, &(struct webhook_store_delivery){
		.id = d->id, .app = app, .hook = hook,
		.event = json_str(d->event, "id"), .state = (int)d->state,
		.attempts = d->attempts, .created = d->created,
		.updated = d->updated, .next = d->next, .last = last,
	}, e);
}
