#pragma once

/*
 * deliveries.h - what is on its way to webhooks.
 *
 * Each webhook has a queue, and gets its events one at a time and in their order.
 * Level "notify" is one attempt; "sync" is attempts with growing pauses until one
 * succeeds or the event is DELIVERY_AGE_SEC old. The body is signed:
 *
 *   Heroku-Webhook-Hmac-SHA256: base64 of the HMAC of the body with the secret
 *
 * Of each webhook at most DELIVERIES_WAITING wait, and DELIVERIES_WAITING_ALL of all;
 * then the oldest of the longest queue fails ("QueueFull") and is counted. The newest
 * DELIVERIES_DONE of a webhook that are done are kept for who asks.
 *
 * All of it is in the store, too, and goes on after a restart. An attempt of which the
 * answer was not stored when the process ended is made again, with the same id of the
 * delivery, also for "notify": nobody knows whether it was received. A receiver that
 * looks at these ids sees each event once.
 */
#include "controller/webhook/delivery.h"

#include <systemd/sd-event.h>

struct deliveries;
struct drain_networks;
struct error;

#define DELIVERIES_WAITING 500
#define DELIVERIES_WAITING_ALL 5000
#define DELIVERIES_DONE 100
#define DELIVERIES_RUNNING 8		/* at the same time, of all apps */
#define DELIVERIES_TIMEOUT_SEC 20

/* networks: where receivers may be; borrowed, as the store. */
int deliveries_new(struct deliveries **ret, sd_event *event,
		   const struct drain_networks *networks,
		   struct webhook_store *store, struct error *e);
struct deliveries *deliveries_free(struct deliveries *d);
DEFINE_AUTO(struct deliveries, deliveries_free)

/* Take what the store has for the webhooks of an app (an array, as in webhooks.h);
 * what it has for others is removed. */
int deliveries_restore(struct deliveries *d, const char *app_id, json_t *hooks,
		       struct error *e);

/*
 * Write a delivery into the store's open transaction; event: as in delivery.h, and in
 * the store already. Then deliveries_settle() says whether the transaction was
 * committed: what was staged since the last one counts from there on, or is dropped.
 */
int deliveries_stage(struct deliveries *d, const char *app_id, json_t *hook,
		     json_t *event, struct error *e);
void deliveries_settle(struct deliveries *d, bool committed);

/* A webhook has other data from here on; NULL: it is gone, and all its deliveries. */
void deliveries_hook(struct deliveries *d, const char *hook_id, json_t *hook);

/* The app is gone. The store is the caller's business. */
void deliveries_forget(struct deliveries *d, const char *app_id);

/* In the form of the API; of each webhook by age, what is done first. A new array. */
json_t *deliveries_list(const struct deliveries *d, const char *app_id);
