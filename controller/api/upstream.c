/*
 * upstream.c - what worker hosts ask and tell (PROTOCOL.upstream).
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "controller/access/principal.h"
#include "controller/api/api_download.h"
#include "controller/api/api_handlers.h"
#include "controller/model/assignments.h"
#include "controller/engine.h"
#include "controller/model/hosts.h"
#include "controller/model/live.h"
#include "controller/api/long_poll.h"
#include "controller/model/names.h"
#include "controller/model/outcome.h"
#include "controller/api/packed_body.h"
#include "controller/api/router_feed.h"
#include "controller/api/upstream.h"
#include "controller/webhook/webhook_feed.h"

/* Bytes of a body after unpacking: as much as is taken unpacked (api_routes.c). */
#define REPORT_PLAIN_MAX (4 * 1024 * 1024)

static int upstream_host(struct api_call *call, const char **ret,
			 struct error *e)
{
	*ret = http_request_param(call->req, "host");
	if (!names_host_ok(*ret))
		return outcome_set(e, OUTCOME_INVALID,
				   "This is not a name for a host.");
	return 0;
}

/* This process knows nothing of hosts that registered with another one. */
static int upstream_known(struct api_call *call, const char *boot,
			  const char **ret, struct error *e)
{
	int r = upstream_host(call, ret, e);

	if (r == 0 && !live_host_known(call->c->engine->live, *ret, boot))
		return outcome_set(e, OUTCOME_NOT_FOUND,
				   "This host has to register first.");
	return r;
}

static uint64_t upstream_number(struct api_call *call, const char *name)
{
	const char *s = http_request_query(call->req, name);

	return s ? strtoull(s, NULL, 10) : 0;
}

static int upstream_json(struct api_call *call, struct error *e)
{
	auto_buf plain = BUF_INIT;
	struct error why;
	const char *text;
	size_t n;
	int r = packed_body(call->req, REPORT_PLAIN_MAX, &plain, &text, &n, e);

	if (r == 0 && json_parse(text, n, &call->body, &why) < 0)
		return outcome_set(e, OUTCOME_BAD_REQUEST,
				   "The body is not valid JSON: %.300s.", why.msg);
	return r;
}

static int hosts_call(struct api_call *call, struct error *e)
{
	return hosts_list(call->c->engine, clock_mono_usec(), &call->reply, e);
}

static int register_call(struct api_call *call, struct error *e)
{
	const char *host;
	uint64_t revision;
	int r = upstream_host(call, &host, e);

	if (r == 0)
		r = hosts_register(call->c->engine, host, call->body,
				   clock_mono_usec(), &revision, e);
	if (r != 0)
		return r;
	log_info("host %s has registered", host);
	call->reply = json_pack("{s:I, s:[s]}", "revision",
				(json_int_t)revision, "encodings", "gzip");
	return 0;
}

static int assignments_call(struct api_call *call, struct error *e)
{
	const char *host;
	int r = upstream_known(call, NULL, &host, e);

	if (r != 0)
		return r;
	live_host_seen(call->c->engine->live, host, clock_mono_usec());
	call->taken = true;
	long_poll_add(call->c->assignments, call->req, host,
		      upstream_number(call, "after"),
		      upstream_number(call, "wait"));
	return 0;
}

bool upstream_answer(struct http_request *req, const char *key, uint64_t after,
		     bool last, void *userdata)
{
	struct controller *c = userdata;
	json_t *list = NULL;
	uint64_t revision;
	struct error e;
	int r = hosts_revision(c->engine, key, &revision, &e);

	if (r == 0 && revision == after && after != 0) {
		if (last)
			http_reply_json(req, 204, NULL);
		return last;
	}
	if (r == 0)
		r = assignments_list(c->engine, key, &list, &e);
	if (r != 0)
		api_refuse(req, r, &e);
	else
		http_reply_json(req, 200, json_pack("{s:I, s:o}", "revision",
				(json_int_t)revision, "assignments", list));
	return true;
}

static int report_call(struct api_call *call, struct error *e)
{
	const char *boot, *host;
	bool changed = false;
	int r = upstream_json(call, e);

	if (r != 0)
		return r;
	boot = json_str(call->body, "boot");
	if (!boot || !json_is_array(json_object_get(call->body, "dynos")))
		return outcome_set(e, OUTCOME_INVALID,
				   "A report needs boot, seq and dynos.");
	r = upstream_known(call, boot, &host, e);
	if (r == 0 && json_int(call->body, "seq", 0) <= 0)
		return outcome_set(e, OUTCOME_INVALID, "seq must be above 0.");
	if (r == 0)
		r = hosts_report(call->c->engine, host, call->body,
				 clock_mono_usec(), &changed, e);
	if (changed) {
		router_feed_changed(call->c);
		webhook_feed_live(call->c->webhooks);
	}
	call->reply = r == 0 ? json_object() : NULL;
	return r;
}

/* A host gets the slugs that it is told to run. */
static int slug_check(struct api_call *call, const char *sha256, struct error *e)
{
	auto_json *list = NULL;
	json_t *dyno;
	size_t i;
	int r;

	if (call->principal->scope != PRINCIPAL_HOST)
		return 0;
	r = assignments_list(call->c->engine, call->principal->host, &list, e);
	if (r != 0)
		return r;
	json_array_foreach(list, i, dyno) {
		const char *its = json_str(json_object_get(dyno, "slug"),
					   "sha256");

		if (its && str_eq(its, sha256))
			return 0;
	}
	return outcome_set(e, OUTCOME_NO_SLUG, "Couldn't find that slug (%.64s).",
			   sha256);
}

static int slug_call(struct api_call *call, struct error *e)
{
	int r = slug_check(call, http_request_param(call->req, "sha256"), e);

	if (r != 0)
		return r;
	call->taken = true;
	api_download_blob(call->c, call->req,
			  http_request_param(call->req, "sha256"));
	return 0;
}

API_HANDLER(upstream_register, register_call, API_BODY)
API_HANDLER(upstream_assignments, assignments_call, 0)
API_HANDLER(upstream_report, report_call, 0)
API_HANDLER(upstream_hosts, hosts_call, 0)
API_HANDLER(upstream_slug, slug_call, 0)
