/*
 * drain_http.c - a frame is a POST. Every sink has a client, and so a connection, of
 * its own: nobody waits for another one's.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "controller/logplex/drain_backoff.h"
#include "controller/logplex/drain_sink.h"
#include "http/client.h"

#include <stdio.h>

#define USER_AGENT "Logplex/v1"
#define TYPE "application/logplex-1"
#define FRAME_BYTES 102400
#define TRIES 3
#define CONNECT_USEC (3 * USEC_PER_SEC)
#define REQUEST_USEC (5 * USEC_PER_SEC)
#define IDLE_USEC (144 * USEC_PER_SEC)
#define IDLE_FUZZ_USEC (15 * USEC_PER_SEC)
#define AGE_USEC (5 * 3600 * USEC_PER_SEC)

struct drain_http {
	struct drain_sink sink;
	struct http_client *client;	/* NULL: not connected */
	struct http_call *call;
	sd_event_source *wait, *idle;
	struct drain_message message;	/* being sent */
	unsigned failures;		/* in a row */
	uint64_t failing_since;		/* monotonic; 0 = it works */
	uint64_t born;			/* of the client */
};

static void drain_http_close(struct drain_http *h)
{
	h->call = http_call_free(h->call);
	h->client = http_client_free(h->client);
}

static int on_http_idle(sd_event_source *src, uint64_t usec, void *userdata)
{
	drain_http_close(userdata);
	return 0;
}

static void drain_http_failed(struct drain_http *h, struct drain_outcome *outcome)
{
	h->failures++;
	if (!h->failing_since)
		h->failing_since = clock_mono_usec();
	drain_sink_done(&h->sink, outcome);
}

/* Whatever it answers, it is alive: only an answer makes a refusal. */
static void drain_http_answered(struct drain_http *h, int status)
{
	struct drain_outcome outcome = { .verdict = DRAIN_ACCEPTED };

	if (status < 200 || status >= 300) {
		bool refused = status >= 400 && status < 500 && status != 429;

		outcome.verdict = refused ? DRAIN_REFUSED : DRAIN_FAILED;
		snprintf(outcome.why, sizeof(outcome.why), "HTTP status %d", status);
	}
	if (outcome.verdict == DRAIN_FAILED) {
		drain_http_failed(h, &outcome);
		return;
	}
	h->failures = 0;
	h->failing_since = 0;
	drain_sink_done(&h->sink, &outcome);
}

static void on_http_done(const struct http_result *res, void *userdata)
{
	struct drain_http *h = userdata;
	struct drain_outcome outcome = { .verdict = DRAIN_FAILED };
	struct error e;

	if (loop_timer(h->sink.spec.event, &h->idle, IDLE_USEC +
		       id_random(IDLE_FUZZ_USEC), on_http_idle, h, "drain idle",
		       &e) < 0)
		log_err("%s", e.msg);
	if (res->r == 0) {
		drain_http_answered(h, res->status);
		return;
	}
	drain_sink_failure(&outcome, res->r);
	drain_http_failed(h, &outcome);
}

static int drain_http_client(struct drain_http *h, struct error *e)
{
	uint64_t now = clock_mono_usec();
	int r;

	h->call = http_call_free(h->call);
	if (h->client && now - h->born > AGE_USEC)
		drain_http_close(h);
	if (h->client)
		return 0;
	r = http_client_new(&h->client, h->sink.spec.event, &(struct http_client_spec){
		.base = h->sink.spec.url.connect, .user_agent = USER_AGENT,
		.ca_file = h->sink.spec.ca_file,
	}, e);
	h->born = now;
	return r;
}

static int drain_http_post(struct drain_http *h, struct error *e)
{
	const struct drain_message *m = &h->message;
	auto_free char *count = xasprintf("Logplex-Msg-Count: %zu", m->count);
	auto_free char *id = xasprintf("Logplex-Frame-Id: %s", m->id);
	auto_free char *token = xasprintf("Logplex-Drain-Token: %s",
					  h->sink.spec.token);
	const char *headers[] = { count, id, token, "Accept:", NULL };
	int r = drain_http_client(h, e);

	if (r < 0)
		return r;
	return http_call_new(&h->call, h->client, &(struct http_call_spec){
		.method = "POST", .path = h->sink.spec.url.connect, .type = TYPE,
		.body = m->data, .body_len = m->len, .headers = headers,
		.timeout_usec = REQUEST_USEC, .connect_usec = CONNECT_USEC,
		.no_body = true, .direct = true, .http1 = true,
		.on_address = drain_sink_address, .userdata = &h->sink,
	}, on_http_done, h, e);
}

static void drain_http_start(struct drain_http *h)
{
	struct drain_outcome outcome = { .verdict = DRAIN_FAILED };
	struct error e;
	int r;

	h->idle = loop_unref(h->idle);
	r = drain_http_post(h, &e);
	if (r == 0)
		return;
	drain_sink_failure(&outcome, r);
	drain_http_failed(h, &outcome);
}

static int on_http_wait(sd_event_source *src, uint64_t usec, void *userdata)
{
	drain_http_start(userdata);
	return 0;
}

static void drain_http_send(struct drain_sink *s, const struct drain_message *m)
{
	struct drain_http *h = (struct drain_http *)s;
	struct error e;

	h->message = *m;
	if (!h->failures)
		drain_http_start(h);
	else if (loop_timer(s->spec.event, &h->wait,
			    drain_backoff_http(h->failures, id_random(1u << 16)),
			    on_http_wait, h, "drain back-off", &e) < 0)
		log_err("%s", e.msg);
}

static uint64_t drain_http_buffer(const struct drain_sink *s, uint64_t buffer,
				  bool full)
{
	const struct drain_http *h = (const struct drain_http *)s;

	return drain_backoff_buffer_http(buffer, h->failing_since ?
					 clock_mono_usec() - h->failing_since : 0);
}

static void drain_http_free(struct drain_sink *s)
{
	struct drain_http *h = (struct drain_http *)s;

	loop_unref(h->wait);
	loop_unref(h->idle);
	drain_http_close(h);
	free(h);
}

static const struct drain_sink_kind kind = {
	.form = DRAIN_FORM_LOGPLEX, .frame_bytes = FRAME_BYTES, .tries = TRIES,
	.send = drain_http_send, .buffer = drain_http_buffer,
	.free = drain_http_free,
};

struct drain_sink *drain_http_new(void)
{
	struct drain_http *h = xcalloc(1, sizeof(*h));

	h->sink.kind = &kind;
	return &h->sink;
}
