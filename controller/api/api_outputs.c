/*
 * api_outputs.c - streams of outputs: from any place on, and to the end.
 *
 * As text/plain the place is asked for by "Range: bytes=N-", as event stream by
 * "Last-Event-ID": the id of an event is the place behind its line. A reader pulls
 * lines as fast as its client takes them. The stream ends when the release is no
 * longer pending and its last lines have come.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "controller/access/secrets.h"
#include "controller/api/api_handlers.h"
#include "controller/api/api_outputs.h"
#include "controller/engine.h"
#include "controller/logplex/logs.h"
#include "controller/logplex/outputs.h"
#include "controller/model/apps.h"
#include "controller/model/outcome.h"
#include "controller/model/releases.h"

#include <stdio.h>

#define OUTPUT_URL_SEC (24 * 3600)
#define OUTPUT_LOOK_USEC USEC_PER_SEC
#define OUTPUT_KEEPALIVE_LOOKS 25
#define OUTPUT_LATE_USEC (15 * USEC_PER_SEC)
#define OUTPUT_PENDING_MAX (256 * 1024)
#define OUTPUT_BATCH 100

struct output {
	struct controller *c;
	struct http_request *req;
	struct logs_watch *watch;
	sd_event_source *timer;
	char app[UUID_TEXT_MAX], release[UUID_TEXT_MAX];
	uint64_t at;			/* place of the next byte */
	unsigned looks;
	bool sse;
	struct buf text;
};

static struct output *output_free(struct output *o)
{
	if (!o)
		return NULL;
	logs_watch_free(o->watch);
	loop_unref(o->timer);
	buf_deinit(&o->text);
	free(o);
	return NULL;
}

DEFINE_AUTO(struct output, output_free)

static void on_output_gone(struct http_request *req, void *userdata)
{
	output_free(userdata);
}

/* ---- the URL ---- */

json_t *api_outputs_url(const struct api_call *call, const json_t *release)
{
	auto_free char *path = NULL, *target = NULL, *url = NULL;

	if (!json_flag(release, "phase", false))
		return json_null();
	path = xasprintf("/release-outputs/%s/%s", json_str(call->app.j, "id"),
			 json_str(release, "id"));
	target = secrets_sign(call->c->secrets, path, "", api_now() + OUTPUT_URL_SEC);
	url = xasprintf("%s%s", call->base, target);
	return json_string(url);
}

/* The release's doc; OUTCOME_NOT_FOUND if there is no output of it yet. */
static int output_release(struct controller *c, const char *app_id,
			  const char *id, json_t **ret, struct error *e)
{
	auto_json *release = NULL;
	auto_doc app = DOC_INIT;
	int r = apps_find(c->engine, app_id, &app, e);

	if (r == 0)
		r = releases_find(c->engine, app.j, id, &release, e);
	if (r == 0 && !json_flag(release, "output", false))
		r = outcome_set(e, OUTCOME_NOT_FOUND, "The release command has not "
				"started yet.");
	if (r == 0 && str_eq(json_str(release, "status"), "expired"))
		r = outcome_set(e, OUTCOME_NOT_FOUND, "The release has expired.");
	if (r == 0)
		*ret = take_ptr(release);
	return r;
}

/* ---- lines ---- */

/* Only whole lines are events; a carriage return would end a field. */
static void output_event(struct output *o, uint64_t at, const char *text, size_t n)
{
	size_t from;

	buf_addf(&o->text, "id: %llu\ndata: ", (unsigned long long)(at + n));
	from = o->text.len;
	buf_add(&o->text, text, n - 1);
	for (; from < o->text.len; from++)
		if (o->text.data[from] == '\r')
			o->text.data[from] = ' ';
	buf_adds(&o->text, "\n\n");
}

static int on_output_text(uint64_t at, const char *text, size_t n, void *userdata)
{
	struct output *o = userdata;

	if (o->sse)
		output_event(o, at, text, n);
	else
		buf_add(&o->text, text, n);
	o->at = at + n;
	return 0;
}

static int output_send(struct output *o, struct error *e)
{
	uint64_t before;
	int r = 0;

	do {
		before = o->at;
		r = outputs_read(o->c->engine->outputs, o->release, o->at,
				 OUTPUT_BATCH, on_output_text, o, e);
		http_stream_write(o->req, o->text.data, o->text.len);
		buf_clear(&o->text);
	} while (r == 0 && o->at > before &&
		 http_stream_pending(o->req) < OUTPUT_PENDING_MAX);
	return r;
}

/* Nothing more will come: 1. */
static int output_is_over(struct output *o, struct error *e)
{
	struct outputs_state state;
	auto_json *release = NULL;
	uint64_t ended = 0;
	int r = output_release(o->c, o->app, o->release, &release, e);

	if (r != 0)
		return r < 0 ? r : 1;		/* it has gone */
	r = outputs_state(o->c->engine->outputs, o->release, &state, e);
	if (r < 0 || o->at < state.size)
		return r;
	if (str_eq(json_str(release, "status"), "pending"))
		return 0;
	/* The last lines may be on their way, or were lost with their host. */
	clock_parse(json_str(release, "updated_at"), &ended);
	return state.ended || clock_real_usec() > ended + OUTPUT_LATE_USEC;
}

/* The output is gone if it returns 1. */
static int output_pump(struct output *o)
{
	struct http_request *req = o->req;
	struct error e;
	int r = output_send(o, &e);

	if (r == 0)
		r = output_is_over(o, &e);
	if (r == 0)
		return 0;
	if (r < 0)
		log_err("send the output of release %s: %s", o->release, e.msg);
	http_request_on_gone(req, NULL, NULL);
	output_free(o);
	http_stream_end(req);
	return 1;
}

static int on_output_look(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct output *o = userdata;
	struct error e;

	if (o->sse && ++o->looks % OUTPUT_KEEPALIVE_LOOKS == 0)
		http_stream_write(o->req, ":\n\n", 3);
	if (output_pump(o))
		return 0;
	if (loop_timer(o->c->event, &o->timer, OUTPUT_LOOK_USEC, on_output_look, o,
		       "release output", &e) < 0)
		log_err("%s", e.msg);
	return 0;
}

/* Look at once, but not from here: others follow the same log. */
static void on_output_lines(void *userdata)
{
	struct output *o = userdata;
	struct error e;

	if (loop_timer(o->c->event, &o->timer, 0, on_output_look, o,
		       "release output", &e) < 0)
		log_err("%s", e.msg);
}

/* ---- requests ---- */

/* "bytes=N-": only the beginning is heeded. false: there is no such header. */
static bool output_range(struct http_request *req, uint64_t *ret)
{
	const char *text = http_request_header(req, "Range");
	const char *number = text ? str_after(text, "bytes=") : NULL;
	char *end;

	if (!number || *number < '0' || *number > '9')
		return false;
	*ret = strtoull(number, &end, 10);
	return *end == '-';
}

static int output_place(struct output *o, int *ret_status, struct error *e)
{
	const char *last = http_request_header(o->req, "Last-Event-ID");
	auto_free char *range = NULL;
	struct outputs_state state;
	int r = outputs_state(o->c->engine->outputs, o->release, &state, e);

	*ret_status = 200;
	if (r < 0)
		return r;
	if (o->sse && last)
		o->at = strtoull(last, NULL, 10);
	else if (!o->sse && output_range(o->req, &o->at))
		*ret_status = 206;
	if (o->at > state.size || (*ret_status == 206 && o->at == state.size &&
				   output_is_over(o, e)))
		return outcome_set(e, OUTCOME_BAD_RANGE, "The output has %llu bytes.",
				   (unsigned long long)state.size);
	if (*ret_status == 206) {	/* it may grow: the end is not known */
		range = xasprintf("bytes %llu-%llu/*", (unsigned long long)o->at,
				  (unsigned long long)OUTPUTS_BYTES_MAX - 1);
		http_reply_header(o->req, "Content-Range", range);
	}
	return 0;
}

static int output_open(struct http_request *req, struct controller *c,
		       struct output **ret, int *ret_status, struct error *e)
{
	auto_(output_free_p) struct output *o = xcalloc(1, sizeof(*o));
	const char *accept = http_request_header(req, "Accept");
	auto_json *release = NULL;
	int r;

	o->c = c;
	o->req = req;
	o->sse = accept && strstr(accept, "text/event-stream");
	snprintf(o->app, sizeof(o->app), "%s", http_request_param(req, "app"));
	snprintf(o->release, sizeof(o->release), "%s",
		 http_request_param(req, "release"));
	if (!secrets_check(c->secrets, http_request_path(req), "",
			   http_request_query(req, "expires"),
			   http_request_query(req, "signature"), api_now()))
		return outcome_set(e, OUTCOME_NOT_FOUND, "Not found");
	r = output_release(c, o->app, o->release, &release, e);
	if (r == 0)
		r = output_place(o, ret_status, e);
	if (r == 0)
		*ret = take_ptr(o);
	return r;
}

void api_outputs_stream(struct http_request *req, void *userdata)
{
	struct controller *c = userdata;
	struct output *o = NULL;
	struct error e;
	int status = 200, r = output_open(req, c, &o, &status, &e);

	if (r != 0) {
		api_refuse(req, r, &e);
		return;
	}
	/* An event source comes again and again until it is told to stay away. */
	if (o->sse && o->at > 0 && output_is_over(o, &e) == 1) {
		output_free(o);
		http_reply_json(req, 204, NULL);
		return;
	}
	http_request_on_gone(req, on_output_gone, o);
	http_reply_header(req, "Cache-Control", "no-cache");
	http_stream_begin(req, status, o->sse ? "text/event-stream"
					      : "text/plain; charset=utf-8");
	o->watch = logs_watch_new(c->engine->logs, o->app, on_output_lines, o);
	on_output_look(NULL, 0, o);
}
