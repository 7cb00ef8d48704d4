/* upstream.c - register, long poll, report. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "http/client.h"
#include "http/gzip.h"
#include "http/json.h"
#include "manager/limits.h"
#include "manager/model/assignment.h"
#include "manager/model/backoff.h"
#include "manager/supervisor/strays.h"
#include "manager/supervisor/supervisor.h"
#include "manager/upstream/report.h"
#include "manager/upstream/upstream.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/sysinfo.h>

#define POLL_WAIT_SEC 50
#define POLL_TIMEOUT_SEC 75
#define CALL_TIMEOUT_SEC 15
#define RETRY_MAX_USEC (5 * USEC_PER_SEC)
#define PLAIN_BODY_MAX 1024		/* bytes; more is worth packing */
#define LIST_BODY_MAX (64 * 1024 * 1024)

/* One kind of call: at most one at a time; "timer" starts the next. */
struct upstream_line {
	struct upstream *u;
	const char *what;
	void (*start)(struct upstream *u);
	struct http_call *call;
	sd_event_source *timer;
	unsigned failures;
};

struct upstream {
	struct supervisor *s;
	struct http_client *client;
	struct upstream_line registration, poll, report;
	sd_event_source *full_timer;
	bool registered;
	bool full;			/* the next report is a full one */
	bool packs;			/* upstream takes gzip */
	uint64_t seq;
	uint64_t told_at;		/* monotonic usec: the last report */
	char status[ERROR_MSG_MAX];
};

/* ---- calls ---- */

static int on_upstream_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct upstream_line *line = userdata;

	line->timer = loop_unref(line->timer);
	line->start(line->u);
	return 0;
}

static void upstream_later(struct upstream_line *line, uint64_t usec)
{
	struct error e;

	if (loop_timer(line->u->s->event, &line->timer, usec, on_upstream_timer,
		       line, line->what, &e) < 0)
		log_err("%s: %s", line->what, e.msg);
}

static void upstream_retry(struct upstream_line *line, const char *why)
{
	/* Once per outage, not once per try. */
	if (line->failures++ == 0)
		log_warn("%s: %s, will retry", line->what, why);
	snprintf(line->u->status, sizeof(line->u->status), "%s: %s", line->what, why);
	upstream_later(line, backoff_jitter(line->failures, RETRY_MAX_USEC,
					    id_random(BACKOFF_CHANCES)));
}

bool upstream_pack(const struct upstream *u, struct http_call_spec *spec,
		   struct buf *packed)
{
	static const char *const headers[] = { "Content-Encoding: gzip", NULL };

	if (!u || !u->packs || spec->body_len <= PLAIN_BODY_MAX ||
	    gzip_pack(spec->body, spec->body_len, packed, NULL) < 0 ||
	    packed->len >= spec->body_len)
		return false;
	spec->body = packed->data;
	spec->body_len = packed->len;
	spec->headers = headers;
	return true;
}

void upstream_is_plain(struct upstream *u)
{
	if (u && u->packs)
		log_info("upstream takes no gzip");
	if (u)
		u->packs = false;
}

static void upstream_call(struct upstream_line *line, const char *method,
			  const char *path, const json_t *body,
			  uint64_t timeout_usec, http_done_fn fn)
{
	auto_free char *text = body ? json_text(body) : NULL;
	struct http_call_spec spec = {
		.method = method, .path = path, .body = text,
		.body_len = text ? strlen(text) : 0,
		.timeout_usec = timeout_usec, .max_body = LIST_BODY_MAX,
	};
	auto_buf packed = BUF_INIT;
	struct error e;

	upstream_pack(line->u, &spec, &packed);
	line->call = http_call_free(line->call);
	if (http_call_new(&line->call, line->u->client, &spec, fn, line->u, &e) < 0)
		upstream_retry(line, e.msg);
}

/* Upstream's own words say more than a number. */
static void upstream_word(char *why, size_t size, const struct http_result *res)
{
	auto_json *body = NULL;
	const char *message = NULL;

	if (res->status >= 400 &&
	    json_parse(res->body, res->body_len, &body, NULL) == 0)
		message = json_str(body, "message");
	snprintf(why, size, "upstream answers %d%s%.200s", res->status,
		 message ? ": " : "", message ? message : "");
	why[strcspn(why, "\r\n")] = '\0';
}

/* true: the answer has one of the two statuses. Else all is arranged. The
 * result is dead after this: it lives as long as the call. */
static bool upstream_answered(struct upstream_line *line,
			      const struct http_result *res, int ok, int ok2)
{
	int status = res->r < 0 ? 0 : res->status;
	char why[ERROR_MSG_MAX];

	if (res->r < 0)
		snprintf(why, sizeof(why), "%s", res->error->msg);
	else
		upstream_word(why, sizeof(why), res);
	line->call = http_call_free(line->call);
	if (status && (status == ok || status == ok2)) {
		if (line->failures)
			log_info("%s: works again", line->what);
		if (line->failures && line->u->registered)
			snprintf(line->u->status, sizeof(line->u->status),
				 "registered");
		line->failures = 0;
		return true;
	}
	if (status == 400 || status == 415)
		upstream_is_plain(line->u);
	if (status == 404 && line != &line->u->registration)
		upstream_forgotten(line->u);
	upstream_retry(line, why);
	return false;
}

static char *upstream_path(const struct upstream *u, const char *rest)
{
	return xasprintf("/upstream/v1/hosts/%s%s", u->s->conf.host, rest);
}

/* ---- register ---- */

/* An older controller says nothing of it. */
static bool upstream_offers_gzip(const struct http_result *res)
{
	auto_json *body = NULL;
	json_t *name;
	size_t i;

	if (res->r < 0 || json_parse(res->body, res->body_len, &body, NULL) < 0)
		return false;
	json_array_foreach(json_object_get(body, "encodings"), i, name)
		if (json_is_string(name) && str_eq(json_string_value(name), "gzip"))
			return true;
	return false;
}

static void on_upstream_registered(const struct http_result *res, void *userdata)
{
	struct upstream *u = userdata;

	u->packs = upstream_offers_gzip(res);
	if (!upstream_answered(&u->registration, res, 200, 201))
		return;
	fault_point("registered");
	u->registered = true;
	u->full = true;
	snprintf(u->status, sizeof(u->status), "registered");
	log_info("registered with %s as %s", u->s->conf.upstream, u->s->conf.host);
	upstream_report(u);
	if (!u->poll.call)
		upstream_later(&u->poll, 0);
}

static void upstream_register(struct upstream *u)
{
	auto_free char *path = upstream_path(u, "");
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	auto_json *body = json_pack("{s:s, s:s, s:b, s:{s:I, s:i}, s:O}",
		"boot", u->s->boot_id, "version", DYNO_VERSION,
		"draining", u->s->drain.mode != DRAIN_OPEN, "capacity",
		"memory", (json_int_t)pages * size, "cpus", get_nprocs(),
		"labels", u->s->conf.labels_json);

	upstream_call(&u->registration, "PUT", path, body,
		      CALL_TIMEOUT_SEC * USEC_PER_SEC, on_upstream_registered);
}

void upstream_forgotten(struct upstream *u)
{
	if (!u->registered)
		return;
	log_info("upstream does not know this host any more");
	u->registered = false;
	upstream_later(&u->registration, 0);
}

/* ---- assignments ---- */

static void upstream_tell_skipped(const char *what, void *userdata)
{
	log_err("%s, ignoring it", what);
}

static int upstream_take_list(struct upstream *u, const struct http_result *res,
			      struct error *e)
{
	struct assignment_list list;
	auto_json *body = NULL;
	int r;

	r = json_parse(res->body, res->body_len, &body, e);
	if (r >= 0)
		r = assignment_list_parse(&list, body, upstream_tell_skipped, u, e);
	if (r >= 0)
		supervisor_assign(u->s, &list);
	return r;
}

static void on_upstream_polled(const struct http_result *res, void *userdata)
{
	struct upstream *u = userdata;
	struct error e;

	if (res->r == 0 && res->status == 200 &&
	    upstream_take_list(u, res, &e) < 0) {
		u->poll.call = http_call_free(u->poll.call);
		upstream_retry(&u->poll, e.msg);
		return;
	}
	if (upstream_answered(&u->poll, res, 200, 204))
		upstream_later(&u->poll, 0);
}

static void upstream_poll(struct upstream *u)
{
	auto_free char *rest = xasprintf("/assignments?after=%" PRId64 "&wait=%d",
					 u->s->wanted.revision, POLL_WAIT_SEC);
	auto_free char *path = upstream_path(u, rest);

	upstream_call(&u->poll, "GET", path, NULL,
		      POLL_TIMEOUT_SEC * USEC_PER_SEC, on_upstream_polled);
}

/* ---- report ---- */

static void on_upstream_reported(const struct http_result *res, void *userdata)
{
	struct upstream *u = userdata;
	bool ok = upstream_answered(&u->report, res, 200, 204);

	fault_point("reported");
	if (!ok)
		u->full = true;
	report_settle(u->s, ok);
}

static void upstream_send_report(struct upstream *u)
{
	auto_free char *path = upstream_path(u, "/report");
	auto_json *body = NULL;

	if (!u->registered || u->report.call || !(u->full || report_is_due(u->s)))
		return;
	u->told_at = clock_mono_usec();
	body = json_pack("{s:s, s:I, s:b, s:b, s:I, s:o}", "boot", u->s->boot_id,
			 "seq", (json_int_t)++u->seq, "full", u->full,
			 "draining", u->s->drain.mode != DRAIN_OPEN,
			 "stuck", (json_int_t)strays_stuck(u->s),
			 "dynos", report_collect(u->s, u->full));
	u->full = false;
	fault_point("report");
	upstream_call(&u->report, "POST", path, body,
		      CALL_TIMEOUT_SEC * USEC_PER_SEC, on_upstream_reported);
}

void upstream_report(struct upstream *u)
{
	/* While it fails, its own timer runs. */
	if (u->registered && !u->report.call && !u->report.timer &&
	    (u->full || report_is_due(u->s)))
		upstream_later(&u->report, report_pause(u->told_at, clock_mono_usec()));
}

void upstream_report_all(struct upstream *u)
{
	u->full = true;
	upstream_report(u);
}

static int on_upstream_full(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct upstream *u = userdata;

	upstream_report_all(u);
	loop_timer(u->s->event, &u->full_timer, u->s->conf.report_interval * USEC_PER_SEC,
		   on_upstream_full, u, "full report", NULL);
	return 0;
}

/* ---- life ---- */

int upstream_new(struct upstream **ret, struct supervisor *s, struct error *e)
{
	struct upstream *u = xcalloc(1, sizeof(*u));
	int r;

	u->s = s;
	u->registration = (struct upstream_line){
		.u = u, .what = "register", .start = upstream_register };
	u->poll = (struct upstream_line){
		.u = u, .what = "get assignments", .start = upstream_poll };
	u->report = (struct upstream_line){
		.u = u, .what = "report", .start = upstream_send_report };
	snprintf(u->status, sizeof(u->status), "connecting");
	r = http_client_new(&u->client, s->event, &s->conf.client, e);
	if (r >= 0)
		r = loop_timer(s->event, &u->full_timer,
			       s->conf.report_interval * USEC_PER_SEC,
			       on_upstream_full, u, "full report", e);
	if (r < 0) {
		upstream_free(u);
		return r;
	}
	upstream_later(&u->registration, 0);
	*ret = u;
	return 0;
}

static void upstream_line_deinit(struct upstream_line *line)
{
	line->call = http_call_free(line->call);
	line->timer = loop_unref(line->timer);
}

struct upstream *upstream_free(struct upstream *u)
{
	if (!u)
		return NULL;
	upstream_line_deinit(&u->registration);
	upstream_line_deinit(&u->poll);
	upstream_line_deinit(&u->report);
	u->full_timer = loop_unref(u->full_timer);
	http_client_free(u->client);
	free(u);
	return NULL;
}

bool upstream_is_there(const struct upstream *u)
{
	return u->registered && !u->registration.failures && !u->poll.failures &&
	       !u->report.failures;
}

const char *upstream_status(const struct upstream *u)
{
	return u->status;
}

uint64_t upstream_reports(const struct upstream *u)
{
	return u->seq;
}
