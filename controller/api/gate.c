/*
 * gate.c - credentials, before a route is looked for.
 */
#include "base/error.h"
#include "controller/api/api.h"
#include "controller/api/gate.h"
#include "controller/model/outcome.h"
#include "controller/access/secrets.h"

/* The secret or the signature in the URL is the credential. */
static const char *const capabilities[] = {
	"/attach/", "/slug-blobs/", "/log-streams/",
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

void gate_check(struct http_request *req, void *userdata)
{
	const struct controller *c = userdata;
	struct error e;
	uid_t uid;

	if (gate_is_capability(http_request_path(req)))
		return;
	if (http_request_peer(req, &uid)) {
		if (!gate_peer_ok(c, uid))
			api_refuse(req, outcome_set(&e, OUTCOME_FORBIDDEN,
				"User %u may not use this socket.",
				(unsigned)uid), &e);
		return;
	}
	if (!secrets_allow(c->secrets, http_request_header(req, "Authorization")))
		api_refuse(req, outcome_set(&e, OUTCOME_UNAUTHORIZED,
			"Invalid credentials provided."), &e);
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
