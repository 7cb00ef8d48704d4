/* log_sender.c - journal -> POST -> acknowledgement. */
#include "base/buf.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "http/client.h"
#include "http/json.h"
#include "manager/limits.h"
#include "manager/model/backoff.h"
#include "manager/output/journal.h"
#include "manager/output/log_sender.h"
#include "manager/supervisor/supervisor.h"
#include "manager/upstream/upstream.h"

#include <stdio.h>

#define SEND_TIMEOUT_SEC 30
#define RETRY_MAX_USEC (5 * USEC_PER_SEC)
#define GATHER_USEC (20 * USEC_PER_MSEC)	/* lines rarely come alone */

struct log_sender {
	struct supervisor *s;
	struct http_client *client;
	struct http_call *call;
	sd_event_source *timer;
	bool packed;			/* the batch on its way is */
	uint64_t last;			/* of the batch on its way */
	uint64_t acked;
	unsigned failures;
};

static int on_log_timer(sd_event_source *src, uint64_t usec, void *userdata);

static void log_sender_later(struct log_sender *g, uint64_t usec)
{
	struct error e;

	if (loop_timer(g->s->event, &g->timer, usec, on_log_timer, g,
		       "send log lines", &e) < 0)
		log_err("send log lines: %s", e.msg);
}

static void log_sender_retry(struct log_sender *g, const char *why)
{
	if (g->failures++ == 0)
		log_warn("send log lines: %s, will retry", why);
	log_sender_later(g, backoff_jitter(g->failures, RETRY_MAX_USEC,
					   id_random(BACKOFF_CHANCES)));
}

/* Upstream will never take this batch: better to lose it than all after it. */
static bool log_sender_is_refused(int status)
{
	return status == 400 || status == 413 || status == 415 || status == 422;
}

static void log_sender_acked(struct log_sender *g, const struct http_result *res)
{
	auto_json *body = NULL;
	int64_t acked = -1;

	if (json_parse(res->body, res->body_len, &body, NULL) >= 0)
		acked = json_int(body, "acked", -1);
	if (acked < 0 || (uint64_t)acked <= g->acked) {
		log_sender_retry(g, "upstream acknowledges nothing");
		return;
	}
	if (g->failures)
		log_info("send log lines: works again");
	g->failures = 0;
	g->acked = (uint64_t)acked;
	if (journal_ack(g->s->journal, g->acked) == JOURNAL_RENEWED) {
		log_err("upstream has lines that the journal has lost, numbering anew");
		g->acked = 0;
	}
	log_sender_later(g, 0);
}

/* The result lives as long as the call. */
static void log_sender_result(struct log_sender *g, const struct http_result *res)
{
	char why[64];

	if (res->r == 0 && res->status == 200) {
		log_sender_acked(g, res);
		return;
	}
	/* An older upstream, or one that was replaced by such: not the lines' fault. */
	if (res->r == 0 && log_sender_is_refused(res->status) && g->packed) {
		upstream_is_plain(g->s->upstream);
		log_sender_later(g, 0);
		return;
	}
	if (res->r == 0 && log_sender_is_refused(res->status)) {
		log_err("upstream refuses log lines (%d): up to %llu are lost",
			res->status, (unsigned long long)g->last);
		g->acked = g->last;
		journal_ack(g->s->journal, g->last);
		log_sender_later(g, 0);
		return;
	}
	if (res->r == 0 && res->status == 404)
		upstream_forgotten(g->s->upstream);
	snprintf(why, sizeof(why), "upstream answers %d", res->status);
	log_sender_retry(g, res->r < 0 ? res->error->msg : why);
}

static void on_log_sent(const struct http_result *res, void *userdata)
{
	struct log_sender *g = userdata;
	struct http_call *call = take_ptr(g->call);

	fault_point("lines sent");
	log_sender_result(g, res);
	http_call_free(call);
}

static void log_sender_send(struct log_sender *g)
{
	auto_free char *path = xasprintf("/upstream/v1/hosts/%s/logs?epoch=%s",
					 g->s->conf.host, journal_epoch(g->s->journal));
	auto_buf body = BUF_INIT, packed = BUF_INIT;
	struct http_call_spec spec = {
		.method = "POST", .path = path, .type = "application/x-dyno-logs",
		.timeout_usec = SEND_TIMEOUT_SEC * USEC_PER_SEC,
	};
	struct error e;

	if (journal_batch(g->s->journal, LOG_BATCH_MAX, &body, &g->last, &e) < 0) {
		log_sender_retry(g, e.msg);
		return;
	}
	if (g->last == 0)
		return;
	spec.body = body.data;
	spec.body_len = body.len;
	/* On this machine copying is cheaper than packing. */
	g->packed = !str_after(g->s->conf.upstream, "unix:") &&
		    upstream_pack(g->s->upstream, &spec, &packed);
	fault_point("send lines");
	if (http_call_new(&g->call, g->client, &spec, on_log_sent, g, &e) < 0)
		log_sender_retry(g, e.msg);
}

static int on_log_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct log_sender *g = userdata;

	g->timer = loop_unref(g->timer);
	if (!g->call)
		log_sender_send(g);
	return 0;
}

static void on_log_lines(void *userdata)
{
	struct log_sender *g = userdata;

	if (!g->call && !g->timer)
		log_sender_later(g, GATHER_USEC);
}

int log_sender_new(struct log_sender **ret, struct supervisor *s,
		   struct error *e)
{
	struct log_sender *g = xcalloc(1, sizeof(*g));
	int r;

	g->s = s;
	r = http_client_new(&g->client, s->event, &s->conf.client, e);
	if (r < 0) {
		log_sender_free(g);
		return r;
	}
	journal_on_lines(s->journal, on_log_lines, g);
	log_sender_later(g, 0);
	*ret = g;
	return 0;
}

struct log_sender *log_sender_free(struct log_sender *g)
{
	if (!g)
		return NULL;
	journal_on_lines(g->s->journal, NULL, NULL);
	g->timer = loop_unref(g->timer);
	g->call = http_call_free(g->call);
	http_client_free(g->client);
	free(g);
	return NULL;
}
