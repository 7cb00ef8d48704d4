/*
 * gate.c - credentials before a route is looked for, permission after.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "controller/access/accounts.h"
#include "controller/access/audit.h"
#include "controller/access/rate_limit.h"
#include "controller/access/secrets.h"
#include "controller/access/tokens.h"
#include "controller/api/api.h"
#include "controller/api/gate.h"
#include "controller/engine.h"
#include "controller/model/names.h"
#include "controller/model/outcome.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <strings.h>

#define CREDENTIALS_MAX 1024
#define TARGET_MAX 255
#define LOG_IN_PATH "/oauth/authorizations"

/* Refused as OUTCOME_UNAUTHORIZED, and counted before. */
#define GATE_COUNTED (OUTCOME_COUNT + 1)

/* The secret or the signature in the URL is the credential. */
static const char *const capabilities[] = {
	"/attach/", "/slug-blobs/", "/log-streams/", "/release-outputs/",
};

static bool gate_is_capability(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
		if (str_after(path, capabilities[i]))
			return true;
	return false;
}

static bool gate_peer_ok(const struct controller *c, uid_t uid)
{
	return uid == 0 || uid == c->service_uid;
}

/* "user:password" in base64. */
static bool gate_basic(const char *text, char **ret_user, char **ret_password)
{
	gnutls_datum_t in = { (unsigned char *)(uintptr_t)text,
			      (unsigned)strlen(text) };
	gnutls_datum_t out = { NULL, 0 };
	auto_free char *pair = NULL;
	const char *colon;

	if (in.size > CREDENTIALS_MAX || gnutls_base64_decode2(&in, &out) < 0)
		return false;
	pair = xstrndup((const char *)out.data, out.size);
	gnutls_free(out.data);
	colon = strchr(pair, ':');
	if (!colon)
		return false;
	*ret_user = xstrndup(pair, (size_t)(colon - pair));
	*ret_password = xstrdup(colon + 1);
	return true;
}

char *gate_token(struct http_request *req)
{
	const char *text = http_request_header(req, "Authorization");
	auto_free char *user = NULL;
	char *password = NULL;

	if (text && strncasecmp(text, "Bearer ", 7) == 0)
		return xstrdup(text + 7);
	if (text && strncasecmp(text, "Basic ", 6) == 0)
		gate_basic(text + 6, &user, &password);
	return password;
}

/* A worker host shows a certificate that was made for it. */
static bool gate_is_certified(const struct http_request *req,
			      struct principal *ret)
{
	const char *name = http_request_peer_name(req);

	if (!name || strlen(name) >= sizeof(ret->host))
		return false;
	ret->scope = PRINCIPAL_HOST;
	snprintf(ret->host, sizeof(ret->host), "%s", name);
	return true;
}

/* Tokens of logs are for one path, whose handler knows them. */
static bool gate_is_shipper(struct http_request *req)
{
	auto_free char *token = NULL;

	if (!str_eq(http_request_path(req), "/logs"))
		return false;
	token = gate_token(req);
	return token && str_after(token, "t.");
}

static void gate_retry_after(struct http_request *req, uint64_t sec)
{
	auto_free char *text = xasprintf("%llu", (unsigned long long)sec);

	http_reply_header(req, "Retry-After", text);
}

/* Wrong tokens cost an address what it has; right ones are always taken. */
static int gate_failed(struct controller *c, struct http_request *req,
		       const char *key, int r, struct error *e)
{
	uint64_t now = clock_mono_usec();

	if (r != OUTCOME_UNAUTHORIZED || rate_limit_take(c->failures, key, now))
		return r;
	gate_retry_after(req, rate_limit_wait_sec(c->failures, key, now));
	return outcome_set(e, OUTCOME_RATE_LIMIT,
			   "Too many attempts to log in failed. Try again later.");
}

/* Strangers have many addresses; what all of them get of this one thread is a
 * small part. Tokens are not concerned. */
int gate_hash(struct controller *c, struct http_request *req, const char *what,
	      struct error *e)
{
	uint64_t now = clock_mono_usec();

	if (rate_limit_take(c->hashes, what, now))
		return 0;
	gate_retry_after(req, rate_limit_wait_sec(c->hashes, what, now));
	return outcome_set(e, OUTCOME_RATE_LIMIT, "Too many passwords are being "
			   "checked. Try again soon.");
}

/* Email and password buy a token, and nothing else. To check one is slow, so
 * the attempt is counted before. */
static int gate_log_in(struct controller *c, struct http_request *req,
		       const char *from, struct principal *ret, struct error *e)
{
	const char *text = http_request_header(req, "Authorization");
	auto_free char *email = NULL, *password = NULL;
	auto_doc account = DOC_INIT;
	int r;

	if (!text || strncasecmp(text, "Basic ", 6) != 0 ||
	    !str_eq(http_request_method(req), "POST") ||
	    !str_eq(http_request_path(req), LOG_IN_PATH) ||
	    !gate_basic(text + 6, &email, &password) || !strchr(email, '@'))
		return outcome_set(e, OUTCOME_UNAUTHORIZED,
				   "Invalid credentials provided.");
	r = gate_failed(c, req, from, OUTCOME_UNAUTHORIZED, e);
	if (r == OUTCOME_UNAUTHORIZED)
		r = gate_failed(c, req, email, OUTCOME_UNAUTHORIZED, e);
	if (r == OUTCOME_UNAUTHORIZED)
		r = gate_hash(c, req, "log in", e);
	if (r != 0)
		return r;
	r = accounts_log_in(c->engine, email, password, &account, e);
	if (r != 0)
		return r == OUTCOME_UNAUTHORIZED ? GATE_COUNTED : r;
	*ret = (struct principal){ .scope = PRINCIPAL_WRITE };
	accounts_principal(account.j, ret);
	if (str_eq(ret->id, c->engine->self.id))
		ret->scope = PRINCIPAL_ADMIN;
	return 0;
}

static int gate_by_token(struct controller *c, struct http_request *req,
			 const char *from, struct principal *ret,
			 struct error *e)
{
	const char *fault = http_request_peer_fault(req);
	auto_free char *token = gate_token(req);
	int r;

	if (!token && gate_is_certified(req, ret))
		return 0;
	if (!token)
		return outcome_set(e, OUTCOME_UNAUTHORIZED, "%s", fault ? fault :
				   "Invalid credentials provided.");
	if (secrets_is_token(c->secrets, token)) {
		*ret = c->engine->self;
		return 0;
	}
	r = tokens_check(c->engine, token, ret, e);
	return r == OUTCOME_UNAUTHORIZED ? gate_log_in(c, req, from, ret, e) : r;
}

static int gate_identify(struct controller *c, struct http_request *req,
			 const char *from, struct principal *ret,
			 struct error *e)
{
	uid_t uid = (uid_t)-1;
	int r;

	if (http_request_peer(req, &uid) && gate_peer_ok(c, uid)) {
		*ret = c->engine->self;
		ret->local = true;
		return 0;
	}
	if (uid != (uid_t)-1 && !http_request_header(req, "Authorization"))
		return outcome_set(e, OUTCOME_FORBIDDEN, "User %u may not use this "
				   "socket without a token.", (unsigned)uid);
	r = gate_by_token(c, req, from, ret, e);
	if (r == GATE_COUNTED)
		return outcome_set(e, OUTCOME_UNAUTHORIZED,
				   "Invalid credentials provided.");
	return gate_failed(c, req, from, r, e);
}

/* Hosts and this machine's own programs are not limited. */
static int gate_limit(struct controller *c, struct http_request *req,
		      const struct principal *p, struct error *e)
{
	uint64_t now = clock_mono_usec(), left = c->conf->rate_limit;
	bool limited = principal_is_user(p) && !p->local &&
		       rate_limit_is_on(c->requests) &&
		       !str_after(http_request_path(req), "/upstream/");
	bool ok = !limited || rate_limit_take(c->requests, p->id, now);
	auto_free char *text = NULL;

	if (limited)
		left = rate_limit_left(c->requests, p->id, now);
	text = xasprintf("%llu", (unsigned long long)left);
	if (rate_limit_is_on(c->requests))
		http_reply_header(req, "RateLimit-Remaining", text);
	if (ok)
		return 0;
	gate_retry_after(req, rate_limit_wait_sec(c->requests, p->id, now));
	return outcome_set(e, OUTCOME_RATE_LIMIT, "Your account has made too many "
			   "requests: it has %llu an hour. Try again later.",
			   (unsigned long long)c->conf->rate_limit);
}

/* ---- a request's pass ---- */

/* The context of a request: who asks, and what the trail has to know. */
struct gate_pass {
	struct principal who;
	char from[HTTP_ADDRESS_MAX];
	char app[UUID_TEXT_MAX], app_name[NAMES_APP_MAX + 1];
};

static void gate_pass_free(void *pass)
{
	free(pass);
}

const struct principal *gate_principal(const struct http_request *req)
{
	static const struct principal nobody = { .scope = PRINCIPAL_NOBODY };
	const struct gate_pass *pass = http_request_context(req);

	return pass ? &pass->who : &nobody;
}

void gate_check(struct http_request *req, void *userdata)
{
	struct controller *c = userdata;
	struct gate_pass *pass;
	struct error e;
	int r;

	if (gate_is_capability(http_request_path(req)) || gate_is_shipper(req) ||
	    str_eq(http_request_path(req), "/access/ca"))
		return;
	pass = xcalloc(1, sizeof(*pass));
	http_request_set_context(req, pass, gate_pass_free);
	http_request_address(req, pass->from);
	r = gate_identify(c, req, pass->from, &pass->who, &e);
	if (r == 0)
		r = gate_limit(c, req, &pass->who, &e);
	if (r != 0)
		api_refuse(req, r, &e);
}

void gate_note_app(struct http_request *req, const json_t *app)
{
	struct gate_pass *pass = http_request_context(req);

	if (!pass)
		return;
	snprintf(pass->app, sizeof(pass->app), "%s", json_str(app, "id"));
	snprintf(pass->app_name, sizeof(pass->app_name), "%s",
		 json_str(app, "name"));
}

/* What a path names and is no secret. */
static const char *gate_target(const struct http_request *req)
{
	static const char *const names[] = {
		"dyno", "type", "release", "collaborator", "account",
		"authorization", "feature", "domain",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = http_request_param(req, names[i]);

		if (*value)
			return strlen(value) <= TARGET_MAX ? value : "";
	}
	return "";
}

static bool gate_is_change(const struct http_request *req)
{
	const char *method = http_request_method(req);

	return !str_eq(method, "GET") && !str_eq(method, "HEAD") &&
	       !str_eq(method, "OPTIONS");
}

void gate_answered(struct http_request *req, int status, void *userdata)
{
	struct controller *c = userdata;
	const struct gate_pass *pass = http_request_context(req);
	const char *route = http_request_route(req);
	struct audit_record record;
	struct error e;

	/* Hosts tell what they do in the log. */
	if (!pass || !principal_is_user(&pass->who) || !route ||
	    !gate_is_change(req) || str_after(route, "/upstream/"))
		return;
	record = (struct audit_record){
		.who = &pass->who, .from = pass->from,
		.method = http_request_method(req), .route = route,
		.app = pass->app, .app_name = pass->app_name,
		.target = gate_target(req), .request = http_request_id(req),
		.status = status,
	};
	if (audit_add(c->audit, &record, clock_real_usec(), &e) < 0)
		log_err("audit trail: %s", e.msg);
}

/* ---- behind the routing ---- */

static int gate_admit_host(struct http_request *req, const struct principal *p,
			   struct error *e)
{
	const char *host = http_request_param(req, "host");

	if (principal_may_host(p, *host ? host : p->host) &&
	    (*host || !str_eq(http_request_route(req), "/upstream/v1/hosts") ||
	     p->scope == PRINCIPAL_SERVICE))
		return 0;
	return outcome_set(e, OUTCOME_FORBIDDEN, "This is for %s only.",
			   p->scope == PRINCIPAL_HOST ? "another worker host" :
			   "worker hosts");
}

void gate_admit(struct http_request *req, void *userdata)
{
	const struct principal *p = gate_principal(req);
	struct error e;
	int r = 0;

	if (p->scope == PRINCIPAL_NOBODY)
		return;		/* a capability: its handler checks it */
	if (str_after(http_request_route(req), "/upstream/"))
		r = gate_admit_host(req, p, &e);
	else if (str_after(http_request_route(req), "/router/") && !p->local)
		r = outcome_set(&e, OUTCOME_FORBIDDEN,
				"This is for the programs of this machine only.");
	else if (p->scope == PRINCIPAL_HOST)
		r = outcome_set(&e, OUTCOME_FORBIDDEN,
				"The token of a worker host is for /upstream only.");
	else if (!principal_may_call(p, http_request_method(req)))
		r = outcome_set(&e, OUTCOME_FORBIDDEN,
				"This token may only read (scope read).");
	if (r != 0)
		api_refuse(req, r, &e);
}

bool gate_is_foreign(struct http_request *req, void *userdata)
{
	const struct controller *c = userdata;
	struct error e;
	uid_t uid;

	if (http_request_peer(req, &uid) && gate_peer_ok(c, uid))
		return false;
	api_refuse(req, outcome_set(&e, OUTCOME_FORBIDDEN,
		"This is for the programs of this machine only."), &e);
	return true;
}

void gate_refuse(struct http_request *req, int status, const char *message,
		 void *userdata)
{
	static const struct { int status; const char *id, *message; } words[] = {
		{ 400, "bad_request", NULL },
		{ 404, "not_found", "The requested API endpoint was not found. "
		  "Are you using the right HTTP verb and path?" },
		{ 405, "method_not_allowed", NULL },
		{ 413, "request_too_large", NULL },
		{ 416, "requested_range_not_satisfiable", NULL },
		{ 426, "upgrade_required", NULL },
		{ 431, "head_too_large", NULL },
		{ 503, "service_unavailable", NULL },
	};
	const char *id = "error";

	/* The methods are in Allow already. */
	if (status == 405 && str_eq(http_request_method(req), "OPTIONS")) {
		http_reply_json(req, 204, NULL);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (words[i].status != status)
			continue;
		id = words[i].id;
		if (words[i].message)
			message = words[i].message;
	}
	http_reply_json(req, status, json_pack("{s:s, s:s}", "id", id,
					       "message", message));
}
