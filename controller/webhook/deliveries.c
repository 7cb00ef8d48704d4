/*
 * deliveries.c - a queue per webhook, and one pass over them that starts what is due.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/strv.h"
#include "controller/logplex/drain_networks.h"
#include "controller/webhook/deliveries.h"
#include "controller/webhook/signature.h"
#include "http/client.h"

#include <stdio.h>

struct queue {
	struct list link;
	struct deliveries *all;
	char app[UUID_TEXT_MAX], id[UUID_TEXT_MAX];	/* id: of the webhook */
	json_t *hook;
	struct list waiting, done;		/* by age */
	size_t n_waiting, n_done;
};

struct deliveries {
	sd_event *event;
	struct http_client *client;
	const struct drain_networks *networks;
	struct webhook_store *store;
	struct list queues;			/* in turn */
	struct list staged;
	size_t n_waiting;
	unsigned running;
	sd_event_source *timer;
};

/* ---- queues ---- */

static void queue_clear(struct queue *q, struct list *list)
{
	struct delivery *d, *next;

	list_for_each_safe(d, next, list, link) {
		q->all->running -= d->call != NULL;
		delivery_free(d);
	}
}

static struct queue *queue_free(struct queue *q)
{
	queue_clear(q, &q->waiting);
	queue_clear(q, &q->done);
	q->all->n_waiting -= q->n_waiting;
	list_unlink(&q->link);
	json_decref(q->hook);
	free(q);
	return NULL;
}

static struct queue *deliveries_find(const struct deliveries *all,
				     const char *hook_id)
{
	struct queue *q;

	list_for_each(q, &all->queues, link)
		if (str_eq(q->id, hook_id))
			return q;
	return NULL;
}

static struct queue *deliveries_queue(struct deliveries *all, const char *app_id,
				      json_t *hook)
{
	struct queue *q = deliveries_find(all, json_str(hook, "id"));

	if (q)
		return q;
	q = xcalloc(1, sizeof(*q));
	q->all = all;
	snprintf(q->app, sizeof(q->app), "%s", app_id);
	snprintf(q->id, sizeof(q->id), "%s", json_str(hook, "id"));
	q->hook = json_incref(hook);
	list_init(&q->waiting);
	list_init(&q->done);
	list_add_tail(&all->queues, &q->link);
	return q;
}

static void queue_wait(struct queue *q, struct delivery *d)
{
	d->queue = q;
	list_add_tail(&q->waiting, &d->link);
	q->n_waiting++;
	q->all->n_waiting++;
}

/* The oldest that are done make room. */
static void queue_done(struct queue *q, struct delivery *d)
{
	struct delivery *oldest;
	struct error e;

	d->queue = q;
	list_add_tail(&q->done, &d->link);
	if (++q->n_done <= DELIVERIES_DONE)
		return;
	oldest = list_entry(q->done.next, struct delivery, link);
	if (webhook_store_delete(q->all->store, oldest->id, &e) < 0)
		log_err("remove a delivery: %s, ignoring", e.msg);
	delivery_free(oldest);
	q->n_done--;
}

/* What is not stored comes again after a restart, with its id. */
static void queue_save(const struct queue *q, const struct delivery *d)
{
	struct error e;

	if (delivery_save(d, q->all->store, q->app, q->id, &e) < 0)
		log_err("store a delivery of webhook %s: %s, ignoring", q->id, e.msg);
}

static void delivery_finish(struct delivery *d, enum delivery_state state)
{
	struct queue *q = d->queue;

	list_unlink(&d->link);
	q->n_waiting--;
	q->all->n_waiting--;
	delivery_end(d, state);
	queue_save(q, d);
	queue_done(q, d);
}

/* ---- bounds ---- */

/* The one that is on its way may stay. */
static void queue_drop_oldest(struct queue *q)
{
	struct delivery *d = list_entry(q->waiting.next, struct delivery, link);
	struct error e;

	if (d->call)
		d = list_entry(d->link.next, struct delivery, link);
	delivery_begin(d);
	delivery_note(d, "failed", 0, "QueueFull");
	delivery_finish(d, DELIVERY_FAILED);
	if (webhook_store_drop(q->all->store, q->app, q->id, &e) < 0)
		log_err("count a delivery that was dropped: %s, ignoring", e.msg);
}

static struct queue *deliveries_longest(const struct deliveries *all)
{
	struct queue *q, *longest = NULL;

	list_for_each(q, &all->queues, link)
		if (!longest || q->n_waiting > longest->n_waiting)
			longest = q;
	return longest;
}

static void deliveries_bound(struct deliveries *all)
{
	struct queue *q;
	size_t n = 0;

	while ((q = deliveries_longest(all)) && q->n_waiting > 1 &&
	       (q->n_waiting > DELIVERIES_WAITING ||
		all->n_waiting > DELIVERIES_WAITING_ALL)) {
		queue_drop_oldest(q);
		n++;
	}
	if (n)
		log_warn("dropped %zu deliveries to webhooks: too many wait", n);
}

/* ---- an attempt ---- */

static void deliveries_pump(struct deliveries *d);

static void delivery_failed(struct delivery *d, int code, const char *error)
{
	struct queue *q = d->queue;

	delivery_note(d, "failed", code, error);
	if (delivery_again(d, json_str(q->hook, "level")))
		queue_save(q, d);
	else
		delivery_finish(d, DELIVERY_FAILED);
}

static void on_delivery_done(const struct http_result *res, void *userdata)
{
	struct delivery *d = userdata;
	struct deliveries *all = ((struct queue *)d->queue)->all;
	struct http_call *call = take_ptr(d->call);

	all->running--;
	if (res->r < 0) {
		log_debug("webhook %s: %s", ((struct queue *)d->queue)->id,
			  res->error->msg);
		delivery_failed(d, 0, "ConnectionError");
	} else if (res->status / 100 != 2) {
		delivery_failed(d, res->status, "ClientError");
	} else {
		delivery_note(d, "succeeded", res->status, NULL);
		delivery_finish(d, DELIVERY_SUCCEEDED);
	}
	http_call_free(call);
	deliveries_pump(all);
}

static bool on_delivery_address(const struct sockaddr *address, void *userdata)
{
	const struct deliveries *all = userdata;

	return drain_networks_allow(all->networks, address);
}

static void delivery_start(struct delivery *d, const struct queue *q)
{
	auto_free char *text = delivery_body(d, q->id, delivery_begin(d));
	const char *authorization = json_str(q->hook, "authorization");
	const char *secret = json_str(q->hook, "secret");
	auto_free char *sum = signature_make(secret, text, strlen(text));
	auto_free char *signature = xasprintf("Heroku-Webhook-Hmac-SHA256: %s", sum);
	auto_free char *who = authorization ?
		xasprintf("Authorization: %s", authorization) : NULL;
	const char *headers[] = { signature, who, NULL };
	struct http_call_spec spec = {
		.method = "POST", .path = json_str(q->hook, "url"), .body = text,
		.body_len = strlen(text), .headers = headers,
		.timeout_usec = DELIVERIES_TIMEOUT_SEC * USEC_PER_SEC,
		.no_body = true, .direct = true,
		.on_address = on_delivery_address, .userdata = q->all,
	};
	struct error e;

	if (http_call_new(&d->call, q->all->client, &spec, on_delivery_done, d,
			  &e) < 0)
		delivery_failed(d, 0, "ConnectionError");
	else
		q->all->running++;
}

/* ---- turns ---- */

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

/* Of each webhook the oldest one: order is kept. Who had a turn is last next time. */
static void deliveries_pump(struct deliveries *all)
{
	uint64_t now = clock_real_usec(), first = UINT64_MAX;
	struct list had = LIST_INIT(had);
	struct queue *q, *following;

	list_for_each_safe(q, following, &all->queues, link) {
		struct delivery *d = list_entry(q->waiting.next, struct delivery, link);

		if (list_empty(&q->waiting) || d->call)
			continue;
		if (d->next <= now && all->running < DELIVERIES_RUNNING) {
			delivery_start(d, q);
			list_unlink(&q->link);
			list_add_tail(&had, &q->link);
			d = list_entry(q->waiting.next, struct delivery, link);
		}
		if (!list_empty(&q->waiting) && !d->call && d->next < first)
			first = d->next;
	}
	list_for_each_safe(q, following, &had, link) {
		list_unlink(&q->link);
		list_add_tail(&all->queues, &q->link);
	}
	/* When all places are taken, the end of a call goes on. */
	if (first != UINT64_MAX && all->running < DELIVERIES_RUNNING)
		deliveries_wake_in(all, first > now ? first - now : USEC_PER_MSEC);
}

/* ---- what comes ---- */

int deliveries_stage(struct deliveries *all, const char *app_id, json_t *hook,
		     json_t *event, struct error *e)
{
	struct delivery *d = delivery_new(event);

	d->queue = deliveries_queue(all, app_id, hook);
	list_add_tail(&all->staged, &d->link);
	return delivery_save(d, all->store, app_id, json_str(hook, "id"), e);
}

void deliveries_settle(struct deliveries *all, bool committed)
{
	struct delivery *d, *next;

	if (list_empty(&all->staged))
		return;
	list_for_each_safe(d, next, &all->staged, link) {
		list_unlink(&d->link);
		if (committed)
			queue_wait(d->queue, d);
		else
			delivery_free(d);
	}
	deliveries_bound(all);
	/* From the loop: who adds is in the middle of something. */
	deliveries_wake_in(all, 0);
}

static void on_deliveries_stored(const struct webhook_store_delivery *row,
				 json_t *event, void *userdata)
{
	struct deliveries *all = userdata;
	struct queue *q = deliveries_find(all, row->hook);
	struct delivery *d, *before;

	if (!q)
		return;
	/* Webhooks of an app share an event. */
	before = list_entry(all->staged.prev, struct delivery, link);
	if (!list_empty(&all->staged) &&
	    str_eq(json_str(before->event, "id"), row->event) &&
	    json_object_get(before->event, "payload"))
		event = before->event;
	d = delivery_restore(row, event);
	d->queue = q;
	list_add_tail(&all->staged, &d->link);
}

static int deliveries_collect(struct deliveries *all, const char *app_id,
			      struct error *e)
{
	auto_strv ids = STRV_INIT;
	int r = webhook_store_hooks(all->store, app_id, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++)
		if (!deliveries_find(all, ids.v[i]))
			r = webhook_store_forget_hook(all->store, ids.v[i], e);
	return r;
}

int deliveries_restore(struct deliveries *all, const char *app_id, json_t *hooks,
		       struct error *e)
{
	struct delivery *d, *next;
	json_t *hook;
	size_t i;
	int r;

	json_array_foreach(hooks, i, hook)
		deliveries_queue(all, app_id, hook);
	r = deliveries_collect(all, app_id, e);
	if (r == 0)
		r = webhook_store_deliveries(all->store, app_id, on_deliveries_stored,
					     all, e);
	list_for_each_safe(d, next, &all->staged, link) {
		if (delivery_waits(d))
			continue;
		list_unlink(&d->link);
		queue_done(d->queue, d);
	}
	deliveries_settle(all, true);
	return r;
}

void deliveries_hook(struct deliveries *all, const char *hook_id, json_t *hook)
{
	struct queue *q = deliveries_find(all, hook_id);
	struct error e;

	if (q && hook) {
		json_decref(q->hook);
		q->hook = json_incref(hook);
	} else if (!hook) {
		if (q)
			queue_free(q);
		if (webhook_store_forget_hook(all->store, hook_id, &e) < 0)
			log_err("remove the deliveries of webhook %s: %s, ignoring",
				hook_id, e.msg);
	}
}

void deliveries_forget(struct deliveries *all, const char *app_id)
{
	struct queue *q, *next;

	list_for_each_safe(q, next, &all->queues, link)
		if (str_eq(q->app, app_id))
			queue_free(q);
}

/* ---- who asks ---- */

static void queue_show(json_t *out, const struct queue *q, const struct list *list)
{
	const struct delivery *d;

	list_for_each(d, list, link)
		json_array_append_new(out, delivery_view(d, q->hook));
}

json_t *deliveries_list(const struct deliveries *all, const char *app_id)
{
	json_t *out = json_array();
	const struct queue *q;

	list_for_each(q, &all->queues, link) {
		if (!str_eq(q->app, app_id))
			continue;
		queue_show(out, q, &q->done);
		queue_show(out, q, &q->waiting);
	}
	return out;
}

/* ---- life ---- */

int deliveries_new(struct deliveries **ret, sd_event *event,
		   const struct drain_networks *networks,
		   struct webhook_store *store, struct error *e)
{
	auto_(deliveries_free_p) struct deliveries *d = xcalloc(1, sizeof(*d));
	/* Calls have whole URLs. */
	struct http_client_spec spec = {
		.base = "http://localhost", .user_agent = "Heroku-Webhooks",
	};
	int r;

	d->event = event;
	d->networks = networks;
	d->store = store;
	list_init(&d->queues);
	list_init(&d->staged);
	r = http_client_new(&d->client, event, &spec, e);
	if (r < 0)
		return r;
	*ret = take_ptr(d);
	return 0;
}

struct deliveries *deliveries_free(struct deliveries *d)
{
	struct queue *q, *next;

	if (!d)
		return NULL;
	deliveries_settle(d, false);
	list_for_each_safe(q, next, &d->queues, link)
		queue_free(q);
	loop_unref(d->timer);
	http_client_free(d->client);
	free(d);
	return NULL;
}
