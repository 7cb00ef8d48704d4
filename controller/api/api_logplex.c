/*
 * api_logplex.c - POST /logs as Logplex serves it to log-shuttle and its like: by the
 * token of one app's log, or by a credential that may write to all, where each
 * frame names its token.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "controller/access/principal.h"
#include "controller/api/api_handlers.h"
#include "controller/api/gate.h"
#include "controller/api/log_room.h"
#include "controller/api/packed_body.h"
#include "controller/engine.h"
#include "controller/logplex/logplex_input.h"
#include "controller/model/log_tokens.h"
#include "controller/model/outcome.h"

#include <stdio.h>
#include <strings.h>

#define PLAIN_MAX (8 * 1024 * 1024)	/* as much as is taken unpacked (api_routes.c) */
#define LOST_MAX 1000000000		/* what a header may tell */

static void logplex_answer(struct http_request *req, int status, const char *text)
{
	if (status == 401)
		http_reply_header(req, "WWW-Authenticate", "Basic realm=Logplex");
	http_reply_text(req, status, "text/plain", text, strlen(text));
}

static bool logplex_type_ok(const char *type)
{
	size_t n = type ? strcspn(type, "; ") : 0;

	return (n == 21 && strncasecmp(type, "application/logplex-1", n) == 0) ||
	       (n == 23 && strncasecmp(type, "application/x-logplex-1", n) == 0);
}

/* -1 = absent, or no number. */
static int64_t logplex_header(struct http_request *req, const char *name)
{
	const char *text = http_request_header(req, name);
	char *end;
	long long n;

	if (!text || *text < '0' || *text > '9')
		return -1;
	errno = 0;
	n = strtoll(text, &end, 10);
	return errno || *end || n > LOST_MAX ? -1 : n;
}

static uint64_t logplex_lost(struct http_request *req, const char *name)
{
	int64_t n = logplex_header(req, name);

	return n > 0 ? (uint64_t)n : 0;
}

static int logplex_find(const char *token, struct logplex_target *ret,
			void *userdata, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = log_tokens_find(userdata, token, &d, e);

	if (r == 0) {
		snprintf(ret->app, sizeof(ret->app), "%s", json_str(d.j, "app"));
		snprintf(ret->source, sizeof(ret->source), "%s",
			 json_str(d.j, "source"));
	}
	return r;
}

/* Whose log it is; *any: whatever the frames say. */
static int logplex_who(struct http_request *req, struct controller *c,
		       struct logplex_target *ret, bool *any, struct error *e)
{
	const struct principal *p = gate_principal(req);
	auto_free char *token = gate_token(req);

	*any = principal_is_admin(p);
	if (*any)
		return 0;
	if (p->scope != PRINCIPAL_NOBODY)
		return outcome_set(e, OUTCOME_FORBIDDEN, "Credential not permitted "
				   "to write to any channel.");
	return logplex_find(token ? token : "", ret, c->engine, e);
}

static int logplex_take(struct http_request *req, struct controller *c,
			struct error *e)
{
	struct logplex_target target = { "", "" };
	auto_buf plain = BUF_INIT;
	struct logplex_input in = {
		.find = logplex_find, .userdata = c->engine, .count = -1,
		.dropped = logplex_lost(req, "Logplex-Drop-Count"),
		.lost = logplex_lost(req, "Logplex-Lost-Count"),
	};
	uint64_t unknown = 0;
	const char *body;
	size_t n;
	bool any;
	int r = logplex_who(req, c, &target, &any, e);

	if (r == 0 && !logplex_type_ok(http_request_header(req, "Content-Type")))
		r = outcome_set(e, OUTCOME_BAD_ENCODING, "Not application/logplex-1");
	if (r == 0)
		r = packed_body(req, PLAIN_MAX, &plain, &body, &n, e);
	if (r != 0)
		return r;
	in.target = any ? NULL : &target;
	if (http_request_header(req, "Logplex-Msg-Count")) {
		in.count = logplex_header(req, "Logplex-Msg-Count");
		if (in.count < 0)
			return outcome_set(e, OUTCOME_BAD_REQUEST,
					   "Message count mismatch");
	}
	r = logplex_input(c->engine->logs, &in, body, n, &unknown, e);
	if (r > 0)
		return outcome_set(e, OUTCOME_BAD_REQUEST,
				   r == LOGPLEX_INPUT_COUNT ?
				   "Message count mismatch" :
				   "Malformed log messages");
	if (r == 0 && unknown)
		log_warn("request %s: %llu frames with unknown tokens, ignoring",
			 http_request_id(req), (unsigned long long)unknown);
	return r;
}

static void logplex_refuse(struct http_request *req, int r, const struct error *e)
{
	if (r < 0)
		api_refuse(req, r, e);
	else
		logplex_answer(req, outcome_status(r),
			       r == OUTCOME_UNAUTHORIZED ? "" : e->msg);
}

static void logplex_serve(struct http_request *req, struct controller *c)
{
	struct error e;
	int r = logplex_take(req, c, &e);

	if (r != 0)
		logplex_refuse(req, r, &e);
	else
		http_reply_json(req, 204, NULL);
}

/* Who may not write need not send it all. */
void api_logplex_head(struct http_request *req, void *userdata)
{
	struct logplex_target target;
	struct error e;
	bool any;
	int r = logplex_who(req, userdata, &target, &any, &e);

	if (r != 0)
		logplex_refuse(req, r, &e);
}

void api_logplex(struct http_request *req, void *userdata)
{
	log_room_call(req, userdata, logplex_serve);
}

/* ---- tokens ---- */

static int token_call(struct api_call *call, struct error *e)
{
	const char *source = json_str(call->body, "source");
	auto_json *token = NULL;
	int r;

	source = source ? source : "app";
	if (str_eq(source, "heroku") && !principal_is_admin(call->principal))
		return outcome_set(e, OUTCOME_FORBIDDEN,
				   "Only an admin may write as the platform.");
	r = log_tokens_get(call->c->engine, &call->app, source,
			   json_flag(call->body, "renew", false), &token, e);
	if (r != 0)
		return r;
	call->status = 201;
	call->reply = json_incref(token);
	json_object_set_new(call->reply, "url", json_sprintf("%s/logs", call->base));
	return 0;
}

API_HANDLER(api_logs_token, token_call, API_APP | API_BODY)
