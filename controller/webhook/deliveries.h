#pragma once

/*
 * deliveries.h - what is on its way to webhooks, in memory.
 *
 * Each webhook gets its events one at a time and in their order. Level "notify" is
 * one attempt; "sync" is attempts with growing pauses until one succeeds or the
 * event is DELIVERIES_AGE old. The body is signed:
 *
 *   Heroku-Webhook-Hmac-SHA256: base64 of the HMAC of the body with the secret
 *
 * Of each app at most DELIVERIES_WAITING wait, and DELIVERIES_WAITING_ALL of all:
 * newer ones then fail at once. The newest DELIVERIES_DONE of an app that are done
 * are kept for who asks. What waits is lost with the process.
 */
#include "http/json.h"

#include <systemd/sd-event.h>

struct deliveries;
struct drain_networks;
struct error;

#define DELIVERIES_WAITING 500
#define DELIVERIES_WAITING_ALL 5000
#define DELIVERIES_DONE 100
#define DELIVERIES_RUNNING 8		/* at the same time, of all apps */
#define DELIVERIES_AGE_SEC (72 * 3600)
#define DELIVERIES_TIMEOUT_SEC 20
#define DELIVERIES_PAUSE_MAX_SEC 3600

/* networks: where receivers may be; borrowed. */
int deliveries_new(struct deliveries **ret, sd_event *event,
		   const struct drain_networks *networks, struct error *e);
struct deliveries *deliveries_free(struct deliveries *d);
DEFINE_AUTO(struct deliveries, deliveries_free)

/* hook: as in webhooks.h; event: {id, include, payload, created_at, updated_at}.
 * Both are kept by reference. */
void deliveries_add(struct deliveries *d, const char *app_id, json_t *hook,
		    json_t *event);

/* A webhook has other data from here on; NULL: it is gone, and what waits for it. */
void deliveries_hook(struct deliveries *d, const char *hook_id, json_t *hook);

/* The app is gone. */
void deliveries_forget(struct deliveries *d, const char *app_id);

/* In the form of the API, by age, what is done first. A new array. */
json_t *deliveries_list(const struct deliveries *d, const char *app_id);
