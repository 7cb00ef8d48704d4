/*
 * api_accounts.c - accounts: one's own, and for admins all of them.
 */
#include "base/clock.h"
#include "base/error.h"
#include "controller/access/accounts.h"
#include "controller/access/passwords.h"
#include "controller/access/rate_limit.h"
#include "controller/api/api_handlers.h"
#include "controller/api/gate.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/outcome.h"

static int self_find(struct api_call *call, struct doc *ret, struct error *e)
{
	return accounts_find(call->c->engine, call->principal->id, ret, e);
}

static int self_call(struct api_call *call, struct error *e)
{
	auto_doc account = DOC_INIT;
	int r = self_find(call, &account, e);

	if (r == 0)
		call->reply = views_account(&call->views, account.j);
	return r;
}

/* A new password needs the old one, if there is one; whoever guesses it is
 * counted. */
static int self_password(struct api_call *call, const struct doc *account,
			 struct error *e)
{
	const json_t *kept = json_object_get(account->j, "password");
	const char *old = json_str(call->body, "password");

	if (!json_object_get(call->body, "new_password") || !kept ||
	    call->principal->local)
		return 0;
	if (!rate_limit_take(call->c->failures, call->principal->email,
			     clock_mono_usec()))
		return outcome_set(e, OUTCOME_RATE_LIMIT, "Too many attempts to "
				   "log in failed. Try again later.");
	if (!old || !passwords_check(kept, old))
		return outcome_set(e, OUTCOME_FORBIDDEN,
				   "password is not the present one.");
	return 0;
}

static int self_update_call(struct api_call *call, struct error *e)
{
	auto_json *body = json_object();
	auto_doc account = DOC_INIT;
	json_t *name = json_object_get(call->body, "name");
	json_t *password = json_object_get(call->body, "new_password");
	int r = self_find(call, &account, e);

	if (r == 0 && password && !call->principal->local)
		r = gate_hash(call->c, call->req, "change", e);
	if (r == 0)
		r = self_password(call, &account, e);
	if (name)
		json_object_set(body, "name", name);
	if (password)
		json_object_set(body, "password", password);
	if (r == 0)
		r = accounts_update(call->c->engine, &account, body, e);
	if (r == 0)
		call->reply = views_account(&call->views, account.j);
	return r;
}

static int rate_limits_call(struct api_call *call, struct error *e)
{
	uint64_t left = call->c->conf->rate_limit;

	if (!call->principal->local && rate_limit_is_on(call->c->requests))
		left = rate_limit_left(call->c->requests, call->principal->id,
				       clock_mono_usec());
	call->reply = json_pack("{s:I}", "remaining", (json_int_t)left);
	return 0;
}

API_HANDLER(api_account, self_call, 0)
API_HANDLER(api_account_update, self_update_call, API_BODY)
API_HANDLER(api_rate_limits, rate_limits_call, 0)

/* ---- for admins ---- */

static int account_find(struct api_call *call, struct doc *ret, struct error *e)
{
	return accounts_find(call->c->engine,
			     http_request_param(call->req, "account"), ret, e);
}

static int accounts_list_call(struct api_call *call, struct error *e)
{
	static const char *const attrs[] = { "email", "id", NULL };
	auto_json *all = NULL;
	json_t *out, *account;
	size_t i;
	int r = accounts_list(call->c->engine, &all, e);

	if (r != 0)
		return r;
	out = json_array();
	json_array_foreach(all, i, account)
		json_array_append_new(out, views_account(&call->views, account));
	return api_page(call, out, attrs, e);
}

static int accounts_add_call(struct api_call *call, struct error *e)
{
	auto_doc account = DOC_INIT;
	int r = accounts_add(call->c->engine, call->body, &account, e);

	if (r != 0)
		return r;
	call->status = 201;
	call->reply = views_account(&call->views, account.j);
	return 0;
}

static int accounts_get_call(struct api_call *call, struct error *e)
{
	auto_doc account = DOC_INIT;
	int r = account_find(call, &account, e);

	if (r == 0)
		call->reply = views_account(&call->views, account.j);
	return r;
}

static int accounts_update_call(struct api_call *call, struct error *e)
{
	auto_doc account = DOC_INIT;
	int r = account_find(call, &account, e);

	if (r == 0)
		r = accounts_update(call->c->engine, &account, call->body, e);
	if (r == 0)
		call->reply = views_account(&call->views, account.j);
	return r;
}

static int accounts_remove_call(struct api_call *call, struct error *e)
{
	auto_doc account = DOC_INIT;
	int r = account_find(call, &account, e);

	if (r == 0)
		r = accounts_remove(call->c->engine, &account, e);
	if (r == 0)
		call->reply = views_account(&call->views, account.j);
	return r;
}

API_HANDLER(api_accounts_list, accounts_list_call, API_ADMIN)
API_HANDLER(api_accounts_add, accounts_add_call, API_ADMIN | API_BODY)
API_HANDLER(api_accounts_get, accounts_get_call, API_ADMIN)
API_HANDLER(api_accounts_update, accounts_update_call, API_ADMIN | API_BODY)
API_HANDLER(api_accounts_remove, accounts_remove_call, API_ADMIN)
