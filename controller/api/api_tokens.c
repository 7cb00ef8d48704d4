/*
 * api_tokens.c - tokens as Heroku's OAuth authorizations, of oneself; and those
 * of accounts and worker hosts, which admins make.
 *
 * A token's text is in the answer that made it. Later it is told to nobody but
 * who shows it, who knows it anyway: "heroku auth:token" looks for it.
 */
#include "base/clock.h"
#include "base/error.h"
#include "controller/access/accounts.h"
#include "controller/access/tokens.h"
#include "controller/api/api_handlers.h"
#include "controller/api/gate.h"
#include "controller/engine.h"
#include "controller/model/fixed_id.h"
#include "controller/model/names.h"
#include "controller/model/outcome.h"

#define CURRENT "~"

/* Seconds until the end, or null. */
static json_t *token_rest(const json_t *token)
{
	const char *text = json_str(token, "expires_at");
	uint64_t end, now = clock_real_usec();

	if (!text || !clock_parse(text, &end))
		return json_null();
	return json_integer(end > now ? (json_int_t)((end - now) / USEC_PER_SEC)
				      : 0);
}

static json_t *token_member(const json_t *token, const char *key)
{
	json_t *value = json_object_get(token, key);

	return value ? json_incref(value) : json_null();
}

static json_t *token_user(struct api_call *call, const json_t *token)
{
	const char *account = json_str(token, "account");
	char email[PRINCIPAL_EMAIL_MAX];

	if (!account)
		return json_null();
	return json_pack("{s:s, s:s, s:n}", "id", account, "email",
			 accounts_email(call->c->engine, account, email),
			 "full_name");
}

static json_t *token_access(const json_t *token, const char *text)
{
	return json_pack("{s:O, s:s, s:o}", "id", json_object_get(token, "id"),
			 "token", text, "expires_in", token_rest(token));
}

/* text NULL: not told. */
static json_t *token_view(struct api_call *call, const json_t *token,
			  const char *text)
{
	const json_t *at = json_object_get(token, "created_at");
	const char *description = json_str(token, "description");

	return json_pack("{s:O, s:O, s:O, s:s, s:[O], s:o, s:n, s:n, s:n, s:n, s:o,"
			 " s:o, s:o, s:o}",
		"id", json_object_get(token, "id"),
		"created_at", at, "updated_at", at,
		"description", description ? description : "",
		"scope", json_object_get(token, "scope"),
		"access_token", text ? token_access(token, text) : json_null(),
		"client", "grant", "refresh_token", "session",
		"user", token_user(call, token),
		"host", token_member(token, "host"),
		"expires_at", token_member(token, "expires_at"),
		"used_at", token_member(token, "used_at"));
}

/* The text, if it is the token that came with this request. */
static json_t *token_view_known(struct api_call *call, const json_t *token)
{
	bool shown = str_eq(json_str(token, "id"), call->principal->token);
	auto_free char *text = shown ? gate_token(call->req) : NULL;

	return token_view(call, token, text);
}

static json_t *token_views(struct api_call *call, const json_t *all)
{
	json_t *out = json_array(), *token;
	size_t i;

	json_array_foreach(all, i, token)
		json_array_append_new(out, token_view_known(call, token));
	return out;
}

/* ---- make ---- */

/* Heroku's words for what we have. */
static bool token_scope(const char *word, enum principal_scope *ret)
{
	static const struct { const char *word; enum principal_scope scope; }
	words[] = {
		{ "identity", PRINCIPAL_READ }, { "read", PRINCIPAL_READ },
		{ "read-protected", PRINCIPAL_READ }, { "write", PRINCIPAL_WRITE },
		{ "write-protected", PRINCIPAL_WRITE },
		{ "global", PRINCIPAL_WRITE }, { "admin", PRINCIPAL_ADMIN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(words[i].word, word)) {
			*ret = words[i].scope;
			return true;
		}
	return false;
}

static int token_scopes(const json_t *scopes, enum principal_scope *ret,
			struct error *e)
{
	enum principal_scope one;
	const json_t *word;
	size_t i;

	*ret = scopes && !json_is_null(scopes) ? PRINCIPAL_READ : PRINCIPAL_WRITE;
	if (!scopes || json_is_null(scopes))
		return 0;
	if (!json_is_array(scopes) || !json_array_size(scopes))
		return outcome_set(e, OUTCOME_INVALID, "scope must be an array.");
	json_array_foreach(scopes, i, word) {
		if (!json_is_string(word) ||
		    !token_scope(json_string_value(word), &one))
			return outcome_set(e, OUTCOME_INVALID, "scope: there are "
				"read, write (or global) and admin.");
		if (one > *ret)
			*ret = one;
	}
	return 0;
}

static int token_create(struct api_call *call, struct tokens_new *spec,
			struct error *e)
{
	const json_t *expires = json_object_get(call->body, "expires_in");
	const json_t *description = json_object_get(call->body, "description");
	auto_free char *text = NULL;
	auto_json *token = NULL;
	int r;

	if (expires && !json_is_null(expires) &&
	    (!json_is_integer(expires) || json_integer_value(expires) < 1))
		return outcome_set(e, OUTCOME_INVALID, "expires_in must be a number "
				   "of seconds above 0.");
	if (description && !json_is_null(description) &&
	    !json_is_string(description))
		return outcome_set(e, OUTCOME_INVALID,
				   "description must be a string.");
	spec->expires_in = (uint64_t)json_integer_value(expires);
	spec->description = json_string_value(description);
	r = tokens_create(call->c->engine, spec, &text, &token, e);
	if (r != 0)
		return r;
	call->status = 201;
	call->reply = token_view(call, token, text);
	return 0;
}

static int token_create_for(struct api_call *call, const char *account,
			    struct error *e)
{
	struct tokens_new spec = { .account = account };
	int r = token_scopes(json_object_get(call->body, "scope"), &spec.scope,
			     e);

	if (r == 0 && spec.scope > call->principal->scope)
		r = outcome_set(e, OUTCOME_FORBIDDEN, "A token cannot make one "
				"that may do more than itself.");
	return r == 0 ? token_create(call, &spec, e) : r;
}

static int own_create_call(struct api_call *call, struct error *e)
{
	return token_create_for(call, call->principal->id, e);
}

/* ---- one's own ---- */

static int own_list_call(struct api_call *call, struct error *e)
{
	static const char *const attrs[] = { "id", NULL };
	auto_json *all = NULL;
	int r = tokens_list(call->c->engine, call->principal->id, NULL, &all, e);

	return r == 0 ? api_page_if_asked(call, token_views(call, all), attrs, e) : r;
}

/* Local root and the key file have no token that is kept. */
static json_t *own_service(struct api_call *call)
{
	auto_free char *text = gate_token(call->req);
	auto_json *token = NULL;
	char id[UUID_TEXT_MAX];

	fixed_id(id, "authorization", "service");
	token = json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id, "account",
			  call->principal->id, "scope", "admin",
			  "description", "the key of this instance",
			  "created_at", call->c->engine->account_created);
	return token_view(call, token, text);
}

/* By :authorization; admins find those of others too. */
static int own_find(struct api_call *call, struct doc *ret, struct error *e)
{
	const struct principal *p = call->principal;
	const char *id = http_request_param(call->req, "authorization");

	return tokens_find(call->c->engine, principal_is_admin(p) ? NULL : p->id,
			   str_eq(id, CURRENT) && *p->token ? p->token : id, ret, e);
}

static int own_get_call(struct api_call *call, struct error *e)
{
	const char *id = http_request_param(call->req, "authorization");
	auto_doc token = DOC_INIT;
	int r;

	if (str_eq(id, CURRENT) && !*call->principal->token) {
		call->reply = own_service(call);
		return 0;
	}
	r = own_find(call, &token, e);
	if (r == 0)
		call->reply = token_view_known(call, token.j);
	return r;
}

static int own_revoke_call(struct api_call *call, struct error *e)
{
	auto_doc token = DOC_INIT;
	int r = own_find(call, &token, e);

	if (r == 0)
		r = tokens_revoke(call->c->engine, &token, e);
	if (r == 0)
		call->reply = token_view(call, token.j, NULL);
	return r;
}

/* "heroku logout": what is shown is given up. */
static int session_end_call(struct api_call *call, struct error *e)
{
	const struct principal *p = call->principal;
	auto_doc token = DOC_INIT;
	const char *which = http_request_param(call->req, "session");
	int r = OUTCOME_NOT_FOUND;

	if (str_eq(which, CURRENT) && *p->token)
		r = tokens_find(call->c->engine, p->id, p->token, &token, e);
	if (r == 0)
		r = tokens_revoke(call->c->engine, &token, e);
	if (r == OUTCOME_NOT_FOUND)
		return outcome_set(e, OUTCOME_NO_SESSION,
				   "Couldn't find that session (%.60s).", which);
	if (r == 0)
		call->reply = json_pack("{s:O, s:s, s:o, s:O}",
			"created_at", json_object_get(token.j, "created_at"),
			"description", "", "expires_in", token_rest(token.j),
			"id", json_object_get(token.j, "id"));
	return r;
}

API_HANDLER(api_tokens_list, own_list_call, 0)
API_HANDLER(api_tokens_create, own_create_call, API_BODY)
API_HANDLER(api_tokens_get, own_get_call, 0)
API_HANDLER(api_tokens_revoke, own_revoke_call, 0)
API_HANDLER(api_sessions_end, session_end_call, 0)

/* ---- of accounts and hosts, for admins ---- */

static int account_list_call(struct api_call *call, struct error *e)
{
	auto_doc account = DOC_INIT;
	auto_json *all = NULL;
	int r = accounts_find(call->c->engine,
			      http_request_param(call->req, "account"), &account,
			      e);

	if (r == 0)
		r = tokens_list(call->c->engine, json_str(account.j, "id"), NULL,
				&all, e);
	if (r == 0)
		call->reply = token_views(call, all);
	return r;
}

static int account_create_call(struct api_call *call, struct error *e)
{
	auto_doc account = DOC_INIT;
	int r = accounts_find(call->c->engine,
			      http_request_param(call->req, "account"), &account,
			      e);

	return r == 0 ? token_create_for(call, json_str(account.j, "id"), e) : r;
}

static int host_list_call(struct api_call *call, struct error *e)
{
	auto_json *all = NULL;
	int r = tokens_list(call->c->engine, NULL, NULL, &all, e);

	if (r == 0)
		call->reply = token_views(call, all);
	return r;
}

static int host_create_call(struct api_call *call, struct error *e)
{
	struct tokens_new spec = {
		.host = json_str(call->body, "host"), .scope = PRINCIPAL_HOST,
	};

	if (!spec.host || !names_host_ok(spec.host))
		return outcome_set(e, OUTCOME_INVALID,
				   "host must be a name for a host.");
	return token_create(call, &spec, e);
}

API_HANDLER(api_account_tokens_list, account_list_call, API_ADMIN)
API_HANDLER(api_account_tokens_create, account_create_call, API_ADMIN | API_BODY)
API_HANDLER(api_host_tokens_list, host_list_call, API_ADMIN)
API_HANDLER(api_host_tokens_create, host_create_call, API_ADMIN | API_BODY)
