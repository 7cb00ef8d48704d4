/*
 * gate.c - credentials before a route is looked for, permission after.
 */
#include "base/error.h"
#include "controller/access/secrets.h"
#include "controller/access/tokens.h"
#include "controller/api/api.h"
#include "controller/api/gate.h"
#include "controller/engine.h"
#include "controller/model/outcome.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <strings.h>

#define CREDENTIALS_MAX 1024

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

/* The password of "user:password" in base64; NULL if it is malformed. */
static char *gate_password(const char *text)
{
	gnutls_datum_t in = { (unsigned char *)(uintptr_t)text,
			      (unsigned)strlen(text) };
	gnutls_datum_t out = { NULL, 0 };
	auto_free char *pair = NULL;
	const char *colon;

	if (in.size > CREDENTIALS_MAX || gnutls_base64_decode2(&in, &out) < 0)
		return NULL;
	pair = xstrndup((const char *)out.data, out.size);
	gnutls_free(out.data);
	colon = strchr(pair, ':');
	return colon ? xstrdup(colon + 1) : NULL;
}

char *gate_token(struct http_request *req)
{
	const char *text = http_request_header(req, "Authorization");

	if (text && strncasecmp(text, "Bearer ", 7) == 0)
		return xstrdup(text + 7);
	if (text && strncasecmp(text, "Basic ", 6) == 0)
		return gate_password(text + 6);
	return NULL;
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

static int gate_identify(struct controller *c, struct http_request *req,
			 struct principal *ret, struct error *e)
{
	const char *fault = http_request_peer_fault(req);
	auto_free char *token = NULL;
	uid_t uid = (uid_t)-1;

	if (http_request_peer(req, &uid) && gate_peer_ok(c, uid)) {
		*ret = c->engine->self;
		ret->local = true;
		return 0;
	}
	token = gate_token(req);
	if (!token && gate_is_certified(req, ret))
		return 0;
	if (!token && uid != (uid_t)-1)
		return outcome_set(e, OUTCOME_FORBIDDEN,
				   "User %u may not use this socket without a "
				   "token.", (unsigned)uid);
	if (!token)
		return outcome_set(e, OUTCOME_UNAUTHORIZED, "%s", fault ? fault :
				   "Invalid credentials provided.");
	if (secrets_is_token(c->secrets, token)) {
		*ret = c->engine->self;
		return 0;
	}
	return tokens_check(c->engine, token, ret, e);
}

static void gate_free(void *p)
{
	free(p);
}

const struct principal *gate_principal(const struct http_request *req)
{
	static const struct principal nobody = { .scope = PRINCIPAL_NOBODY };
	const struct principal *p = http_request_context(req);

	return p ? p : &nobody;
}

void gate_check(struct http_request *req, void *userdata)
{
	struct controller *c = userdata;
	struct principal *p;
	struct error e;
	int r;

	if (gate_is_capability(http_request_path(req)) || gate_is_shipper(req) ||
	    str_eq(http_request_path(req), "/access/ca"))
		return;
	p = xcalloc(1, sizeof(*p));
	http_request_set_context(req, p, gate_free);
	r = gate_identify(c, req, p, &e);
	if (r != 0)
		api_refuse(req, r, &e);
}

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
	};
	const char *id = "error";

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
