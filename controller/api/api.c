/*
 * api.c - credentials before, and words after every handler.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "controller/access/collaborators.h"
#include "controller/api/api.h"
#include "controller/api/gate.h"
#include "controller/api/negotiate.h"
#include "controller/engine.h"
#include "controller/model/apps.h"
#include "controller/model/outcome.h"
#include "controller/api/range.h"

#define API_RETRY_SEC "5"
#define API_TRIES 20

uint64_t api_now(void)
{
	return clock_real_usec() / USEC_PER_SEC;
}

static json_t *api_error_body(const char *id, const char *message,
			      const char *resource)
{
	auto_json *text = json_bytes(message, strlen(message));

	return json_pack("{s:s*, s:s, s:O}", "resource", resource, "id", id,
			 "message", text);
}

/* What fails is for the log. A full disk is a matter of time: nothing was
 * changed, and who comes again when there is room finds all as it was. */
static int api_fail(struct http_request *req, int r, const struct error *e,
		    const char **ret_message)
{
	bool full = r == -ENOSPC || r == -EDQUOT;

	log_err("%s %s (request %s): %s", http_request_method(req),
		http_request_path(req), http_request_id(req), e->msg);
	*ret_message = full ? "There is no room on the controller's disk: nothing "
			      "was changed. Try again when there is."
			    : "Internal server error: the controller's log says more.";
	return full ? OUTCOME_UNAVAILABLE : r;
}

void api_refuse(struct http_request *req, int r, const struct error *e)
{
	const char *message = e->msg;

	if (r < 0)
		r = api_fail(req, r, e, &message);
	if (r == OUTCOME_UNAUTHORIZED)
		http_reply_header(req, "WWW-Authenticate", "Basic realm=\"dyno\"");
	if (r == OUTCOME_UNAVAILABLE)
		http_reply_header(req, "Retry-After", API_RETRY_SEC);
	http_reply_json(req, outcome_status(r),
			api_error_body(outcome_id(r), message,
				       outcome_resource(r)));
}

/* Host headers come from outside and go into URLs. */
static bool api_host_ok(const char *host)
{
	size_t n = strlen(host);

	return n > 0 && n < 256 &&
	       strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789.-:[]") == n;
}

char *api_base(struct http_request *req, const struct controller *c)
{
	const char *host = http_request_header(req, "Host");
	uid_t uid;

	if (http_request_peer(req, &uid) || !host || !api_host_ok(host))
		return xstrdup(c->base);
	return xasprintf("%s://%s", http_request_is_tls(req) ? "https" : "http",
			 host);
}

static int api_body(struct api_call *call, struct error *e)
{
	struct error why;
	size_t n;
	int r;

	http_request_body(call->req, &n);
	r = n ? negotiate_body(http_request_header(call->req, "Content-Type"), e)
	      : 0;
	if (r != 0)
		return r;
	r = http_request_json(call->req, &call->body, &why);
	if (r < 0)
		return outcome_set(e, OUTCOME_BAD_REQUEST,
				   "The body is not valid JSON: %.300s.", why.msg);
	if (!call->body)
		call->body = json_object();
	if (!json_is_object(call->body))
		return outcome_set(e, OUTCOME_BAD_REQUEST,
				   "The body must be a JSON object.");
	return 0;
}

static int api_app(struct api_call *call, struct error *e)
{
	struct engine *g = call->c->engine;
	int r = apps_find(g, http_request_param(call->req, "app"), &call->app, e);

	if (r == 0)
		r = collaborators_check(g, call->principal, call->app.j, e);
	if (r == 0)
		gate_note_app(call->req, call->app.j);
	return r;
}

static int api_prepare(struct api_call *call, unsigned needs, struct error *e)
{
	const struct principal *p = call->principal;
	int r = negotiate_accept(http_request_header(call->req, "Accept"), e);

	if (r != 0)
		return r;
	if (needs & API_ADMIN && !principal_is_admin(p))
		return outcome_set(e, OUTCOME_FORBIDDEN, "Only admins may do this.");
	if (needs & API_APP)
		r = api_app(call, e);
	if (r == 0 && needs & API_OWNER &&
	    !collaborators_is_owner(call->c->engine, p, call->app.j))
		r = outcome_set(e, OUTCOME_FORBIDDEN, "Only the owner of the app "
				"may do this.");
	if (r == 0 && needs & API_BODY)
		r = api_body(call, e);
	return r;
}

/* ---- versions ---- */

/* The tag of what GET gives at the same path. */
struct api_probe {
	bool called;
	int r;
	char tag[NEGOTIATE_TAG_MAX];
};

static bool api_reads(struct http_request *req)
{
	return str_eq(http_request_method(req), "GET") ||
	       str_eq(http_request_method(req), "HEAD");
}

/* 0; OUTCOME_PRECONDITION. */
static int api_match(struct api_call *call, struct error *e)
{
	const struct http_route *get;
	struct api_probe probe = { .r = 0 };

	if (!http_request_header(call->req, "If-Match") || api_reads(call->req) ||
	    str_eq(http_request_method(call->req), "POST"))
		return 0;
	get = http_request_sibling(call->req, "GET");
	if (get) {
		call->c->probe = &probe;
		get->fn(call->req, call->c);
		call->c->probe = NULL;
	}
	if (get && !probe.called) {		/* it has answered for itself */
		call->taken = true;
		return 0;
	}
	if (!http_request_if_match(call->req, get && probe.r == 0 ? probe.tag
								    : NULL))
		return outcome_set(e, OUTCOME_PRECONDITION, "This is not the version "
				   "that If-Match names.");
	return 0;
}

static void api_answer_probe(struct api_call *call, int r)
{
	struct api_probe *probe = call->c->probe;
	auto_free char *text = call->reply ? json_text(call->reply) : xstrdup("");

	probe->called = true;
	probe->r = r;
	negotiate_tag(probe->tag, text, strlen(text));
}

/* What is read has a tag, and is not sent to who has it. */
static void api_answer_tagged(struct api_call *call)
{
	auto_free char *text = json_text(call->reply);
	char tag[NEGOTIATE_TAG_MAX];
	auto_free char *quoted = xasprintf("\"%s\"", negotiate_tag(tag, text,
							strlen(text)));

	http_reply_header(call->req, "ETag", quoted);
	if (http_request_has(call->req, tag))
		http_reply_text(call->req, 304, NULL, "", 0);
	else
		http_reply_text(call->req, call->status, "application/json", text,
				strlen(text));
}

static void api_answer(struct api_call *call, int r, const struct error *e)
{
	if (call->c->probe)
		api_answer_probe(call, r);
	else if (r != 0)
		api_refuse(call->req, r, e);
	else if (!call->taken && call->reply && api_reads(call->req))
		api_answer_tagged(call);
	else if (!call->taken)
		http_reply_json(call->req, call->status,
				json_incref(call->reply));
}

/* ---- a call ---- */

static void api_reset(struct api_call *call)
{
	json_decref(call->reply);
	json_decref(call->body);
	doc_deinit(&call->app);
	call->reply = call->body = NULL;
	call->status = 200;
}

/* Who was beaten by another change reads again and tries again, unless what the
 * client wants depends on what it has read. Nothing was committed then. */
static int api_try(struct api_call *call, api_fn fn, unsigned needs,
		   struct error *e)
{
	for (int tries = 1; ; tries++) {
		int r = api_prepare(call, needs, e);

		if (r == 0 && !call->c->probe)
			r = api_match(call, e);
		if (r == 0 && !call->taken)
			r = fn(call, e);
		if (r != OUTCOME_RACE || call->taken || tries == API_TRIES ||
		    http_request_header(call->req, "If-Match"))
			return r;
		api_reset(call);
	}
}

static int api_call(struct api_call *call, api_fn fn, unsigned needs,
		    struct error *e)
{
	struct engine *g = call->c->engine;
	const struct principal *before = g->by;
	int r;

	g->by = principal_is_user(call->principal) ? call->principal : NULL;
	r = api_try(call, fn, needs, e);
	g->by = before;
	return r;
}

void api_run(struct http_request *req, struct controller *c, api_fn fn,
	     unsigned needs)
{
	struct api_call call = {
		.c = c, .req = req, .status = 200, .base = api_base(req, c),
		.principal = gate_principal(req),
	};
	struct error e;
	int r;

	call.views = (struct views){
		.g = c->engine, .base = call.base, .attach = c->attach_base,
		.now = clock_mono_usec(),
	};
	r = api_call(&call, fn, needs, &e);
	/* Also one that it has just made. A request that it keeps may be dead. */
	if (call.app.j && !call.taken)
		gate_note_app(req, call.app.j);
	api_answer(&call, r, &e);
	api_reset(&call);
	free(call.base);
}

/* ---- pages ---- */

static char *api_attr(const json_t *item, const char *attr)
{
	json_t *v = json_object_get(item, attr);

	return json_is_string(v) ? xstrdup(json_string_value(v)) : json_text(v);
}

static void api_page_headers(struct api_call *call, const struct range *range,
			     const char *const *attrs, const json_t *page)
{
	size_t n = json_array_size(page);
	auto_free char *accept = xstrdup(attrs[0]);

	if (call->c->probe)
		return;
	for (size_t i = 1; attrs[i]; i++) {
		char *more = xasprintf("%s, %s", accept, attrs[i]);

		free(accept);
		accept = more;
	}
	http_reply_header(call->req, "Accept-Ranges", accept);
	if (n) {
		auto_free char *first = api_attr(json_array_get(page, 0),
						 range->attr);
		auto_free char *last = api_attr(json_array_get(page, n - 1),
						range->attr);
		auto_free char *text = xasprintf("%s %s..%s", range->attr, first,
						 last);

		http_reply_header(call->req, "Content-Range", text);
	}
}

int api_page_if_asked(struct api_call *call, json_t *list, const char *const *attrs,
		      struct error *e)
{
	if (http_request_header(call->req, "Range"))
		return api_page(call, list, attrs, e);
	call->reply = list;
	return 0;
}

int api_page(struct api_call *call, json_t *list, const char *const *attrs,
	     struct error *e)
{
	auto_json *owned = list;
	auto_free char *next = NULL;
	struct range range;
	int r = range_parse(&range, http_request_header(call->req, "Range"),
			    attrs, e);

	if (r != 0)
		return r;
	call->reply = range_page(&range, owned, &next);
	api_page_headers(call, &range, attrs, call->reply);
	if (next && !call->c->probe) {
		http_reply_header(call->req, "Next-Range", next);
		call->status = 206;
	}
	return 0;
}
