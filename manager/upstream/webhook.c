/* webhook.c - an object of what is to be told, and one call at a time. */
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "http/client.h"
#include "http/json.h"
#include "manager/life/life.h"
#include "manager/model/backoff.h"
#include "manager/supervisor/cycling.h"
#include "manager/supervisor/supervisor.h"
#include "manager/upstream/report.h"
#include "manager/upstream/webhook.h"

#include <stdio.h>

#define CALL_TIMEOUT_SEC 15
#define RETRY_MAX_USEC (30 * USEC_PER_SEC)

struct webhook {
	struct supervisor *s;
	struct http_client *client;
	struct http_call *call;
	sd_event_source *timer, *full_timer;
	json_t *pending;		/* id -> what is to be told of it */
	json_t *sent;			/* the same, on its way */
	bool full;
	unsigned failures;
	uint64_t seq, told_at;
};

static void webhook_later(struct webhook *w, uint64_t usec);

/* What was on its way goes back, but for what has changed since. */
static void webhook_failed(struct webhook *w, const char *why)
{
	if (w->failures++ == 0)
		log_warn("report to %s: %s, will retry", w->s->conf.report_url, why);
	json_object_update_missing(w->pending, w->sent);
	webhook_later(w, backoff_jitter(w->failures, RETRY_MAX_USEC,
					id_random(BACKOFF_CHANCES)));
}

static void on_webhook_done(const struct http_result *res, void *userdata)
{
	struct webhook *w = userdata;
	struct http_call *call = take_ptr(w->call);
	char why[64];

	if (res->r == 0 && res->status / 100 == 2) {
		if (w->failures)
			log_info("report to %s: works again", w->s->conf.report_url);
		w->failures = 0;
	} else {
		snprintf(why, sizeof(why), "the answer is %d", res->status);
		w->full = true;
		webhook_failed(w, res->r < 0 ? res->error->msg : why);
	}
	json_object_clear(w->sent);
	http_call_free(call);
	webhook_report(w);
}

/* Those that have ended and are gone are known from w->pending alone. */
static json_t *webhook_dynos(struct webhook *w)
{
	json_t *dynos = json_array(), *d;
	const char *id;
	struct life *l;

	list_for_each(l, &w->s->lives, link)
		if (w->full && !cycling_is_hidden(l))
			json_object_set_new(w->pending, l->id, life_json(l));
	json_object_foreach(w->pending, id, d)
		json_array_append(dynos, d);
	return dynos;
}

static void webhook_send(struct webhook *w)
{
	auto_json *body = json_pack("{s:s, s:s, s:I, s:b, s:o}", "host", w->s->conf.host,
				    "boot", w->s->boot_id, "seq", (json_int_t)++w->seq,
				    "full", w->full, "dynos", webhook_dynos(w));
	auto_free char *text = json_text(body);
	char signature[WEBHOOK_SIGNATURE_MAX];
	auto_free char *header = NULL;
	const char *headers[] = { NULL, NULL };
	struct http_call_spec spec = {
		.method = "POST", .path = w->s->conf.report_url, .body = text,
		.body_len = strlen(text), .headers = headers,
		.timeout_usec = CALL_TIMEOUT_SEC * USEC_PER_SEC,
	};
	struct error e;

	if (w->s->conf.report_secret) {
		webhook_sign(signature, w->s->conf.report_secret, text, spec.body_len);
		header = xasprintf("Dyno-Webhook-Hmac-SHA256: %s", signature);
		headers[0] = header;
	}
	json_object_update(w->sent, w->pending);
	json_object_clear(w->pending);
	w->full = false;
	w->told_at = clock_mono_usec();
	if (http_call_new(&w->call, w->client, &spec, on_webhook_done, w, &e) < 0) {
		w->full = true;
		webhook_failed(w, e.msg);
		json_object_clear(w->sent);
	}
}

static int on_webhook_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct webhook *w = userdata;

	w->timer = loop_unref(w->timer);
	if (!w->call)
		webhook_send(w);
	return 0;
}

static void webhook_later(struct webhook *w, uint64_t usec)
{
	struct error e;

	if (loop_timer(w->s->event, &w->timer, usec, on_webhook_timer, w, "webhook",
		       &e) < 0)
		log_err("webhook: %s", e.msg);
}

static void webhook_collect(struct webhook *w)
{
	struct life *l;

	list_for_each(l, &w->s->lives, link) {
		if (!l->hook_dirty || cycling_is_hidden(l))
			continue;
		l->hook_dirty = false;
		json_object_set_new(w->pending, l->id, life_json(l));
	}
	while (json_object_size(w->pending) > WEBHOOK_PENDING_MAX)
		json_object_del(w->pending,
				json_object_iter_key(json_object_iter(w->pending)));
}

void webhook_report(struct webhook *w)
{
	webhook_collect(w);
	/* While it fails, its own timer runs. */
	if (!w->call && !w->timer && (w->full || json_object_size(w->pending)))
		webhook_later(w, report_pause(w->told_at, clock_mono_usec()));
}

static int on_webhook_full(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct webhook *w = userdata;

	w->full = true;
	webhook_report(w);
	loop_timer(w->s->event, &w->full_timer, w->s->conf.report_interval * USEC_PER_SEC,
		   on_webhook_full, w, "full webhook", NULL);
	return 0;
}

int webhook_new(struct webhook **ret, struct supervisor *s, struct error *e)
{
	/* Each call has a whole URL: nothing of upstream goes along. */
	struct http_client_spec spec = { .base = "http://localhost",
					 .ca_file = s->conf.report_ca_file };
	struct webhook *w = xcalloc(1, sizeof(*w));
	int r;

	w->s = s;
	w->pending = json_object();
	w->sent = json_object();
	r = http_client_new(&w->client, s->event, &spec, e);
	if (r >= 0)
		r = loop_timer(s->event, &w->full_timer, 0, on_webhook_full, w,
			       "full webhook", e);
	if (r < 0) {
		webhook_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct webhook *webhook_free(struct webhook *w)
{
	if (!w)
		return NULL;
	w->call = http_call_free(w->call);
	w->timer = loop_unref(w->timer);
	w->full_timer = loop_unref(w->full_timer);
	http_client_free(w->client);
	json_decref(w->pending);
	json_decref(w->sent);
	free(w);
	return NULL;
}
