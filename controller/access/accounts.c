/*
 * accounts.c - find, add, change and remove accounts; the default one keeps in
 * step with the configuration.
 */
#include "base/error.h"
#include "controller/access/accounts.h"
#include "controller/access/passwords.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/apps.h"
#include "controller/model/change.h"
#include "controller/model/outcome.h"

#include <ctype.h>
#include <stdio.h>

bool accounts_email_ok(const char *email)
{
	size_t n = strlen(email), at = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)email[i];

		if (c <= ' ' || c == 0x7f || strchr("/\"<>,;\\", c))
			return false;
		at += c == '@';
	}
	return n < PRINCIPAL_EMAIL_MAX && at == 1 && email[0] != '@' &&
	       email[n - 1] != '@';
}

/* Emails are compared without regard to case. */
static char *accounts_fold(const char *email)
{
	char *out = xstrdup(email);

	for (char *p = out; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return out;
}

static int accounts_by_email(struct engine *g, const char *email,
			     struct doc *ret, struct error *e)
{
	auto_free char *key = accounts_fold(email);
	auto_doc link = DOC_INIT;
	int r = doc_get(g->state, &link, e, "/account-emails/%s", key);

	if (r == 0)
		r = doc_get(g->state, ret, e, "/accounts/%s",
			    json_str(link.j, "id"));
	return r;
}

int accounts_absent(const char *which, struct error *e)
{
	return outcome_set(e, OUTCOME_NO_ACCOUNT, "Couldn't find that account (%.100s).",
			   which);
}

int accounts_find(struct engine *g, const char *which, struct doc *ret,
		  struct error *e)
{
	int r = STATE_ABSENT;

	if (id_is_uuid(which))
		r = doc_get(g->state, ret, e, "/accounts/%s", which);
	else if (accounts_email_ok(which))
		r = accounts_by_email(g, which, ret, e);
	if (r == STATE_ABSENT)
		return accounts_absent(which, e);
	return r;
}

char *accounts_email(struct engine *g, const char *id,
		     char out[PRINCIPAL_EMAIL_MAX])
{
	auto_doc d = DOC_INIT;
	const char *email = NULL;

	if (str_eq(id, g->self.id))
		email = g->self.email;
	else if (doc_get(g->state, &d, NULL, "/accounts/%s", id) == 0)
		email = json_str(d.j, "email");
	snprintf(out, PRINCIPAL_EMAIL_MAX, "%s", email ? email : id);
	return out;
}

void accounts_principal(const json_t *account, struct principal *ret)
{
	const char *id = json_str(account, "id"), *email = json_str(account,
								    "email");

	snprintf(ret->id, sizeof(ret->id), "%s", id ? id : "");
	snprintf(ret->email, sizeof(ret->email), "%s", email ? email : "");
}

/* ---- changes ---- */

static int accounts_order(const void *a, const void *b)
{
	const struct doc *x = a, *y = b;
	const char *s = json_str(x->j, "email"), *t = json_str(y->j, "email");

	return strcmp(s ? s : "", t ? t : "");
}

int accounts_list(struct engine *g, json_t **ret, struct error *e)
{
	auto_doc_list all = DOC_LIST_INIT;
	int r = doc_list(g->state, &all, e, "/accounts/");

	if (r != 0)
		return r;
	qsort(all.v, all.n, sizeof(*all.v), accounts_order);
	*ret = json_array();
	for (size_t i = 0; i < all.n; i++)
		json_array_append(*ret, all.v[i].j);
	return 0;
}

static int accounts_set_name(json_t *account, const json_t *name,
			     struct error *e)
{
	if (!json_is_string(name) ||
	    json_string_length(name) > ACCOUNTS_NAME_MAX)
		return outcome_set(e, OUTCOME_INVALID, "name must be a string of at "
				   "most %d bytes.", ACCOUNTS_NAME_MAX);
	json_object_set_new(account, "name", json_copy((json_t *)(uintptr_t)name));
	return 0;
}

static int accounts_set_password(json_t *account, const json_t *password,
				 struct error *e)
{
	json_t *kept = NULL;
	int r;

	if (!json_is_string(password))
		return outcome_set(e, OUTCOME_INVALID,
				   "password must be a string.");
	r = passwords_make(json_string_value(password), &kept, e);
	if (r == 0)
		json_object_set_new(account, "password", kept);
	return r;
}

static int accounts_set_suspended(struct engine *g, json_t *account,
				  const json_t *on, const char *now,
				  struct error *e)
{
	if (!json_is_boolean(on))
		return outcome_set(e, OUTCOME_INVALID,
				   "suspended must be true or false.");
	if (json_is_true(on) && str_eq(json_str(account, "id"), g->self.id))
		return outcome_set(e, OUTCOME_INVALID,
				   "The default account cannot be suspended.");
	if (!json_is_true(on))
		json_object_del(account, "suspended_at");
	else if (!json_str(account, "suspended_at"))
		json_object_set_new(account, "suspended_at", json_string(now));
	return 0;
}

static int accounts_fill(struct change *c, json_t *account, const json_t *body,
			 struct error *e)
{
	const json_t *name = json_object_get(body, "name");
	const json_t *password = json_object_get(body, "password");
	const json_t *suspended = json_object_get(body, "suspended");
	int r = 0;

	if (name && !json_is_null(name))
		r = accounts_set_name(account, name, e);
	if (r == 0 && suspended && !json_is_null(suspended))
		r = accounts_set_suspended(c->g, account, suspended, c->now, e);
	if (r == 0 && password && !json_is_null(password))
		r = accounts_set_password(account, password, e);
	json_object_set_new(account, "updated_at", json_string(c->now));
	return r;
}

static int accounts_room(struct engine *g, struct error *e)
{
	auto_(state_items_deinit) struct state_items all = STATE_ITEMS_INIT;
	int r = state_list(g->state, "/account-emails/", &all, e);

	if (r == 0 && all.n >= ACCOUNTS_MAX)
		return outcome_set(e, OUTCOME_INVALID, "There are %d accounts "
				   "already.", ACCOUNTS_MAX);
	return r;
}

int accounts_add(struct engine *g, const json_t *body, struct doc *ret,
		 struct error *e)
{
	const char *email = json_str(body, "email");
	auto_free char *key = email ? accounts_fold(email) : NULL;
	auto_doc account = DOC_INIT;
	auto_change c = change_begin(g);
	auto_json *link = NULL;
	char id[UUID_TEXT_MAX];
	int r;

	if (!email || !accounts_email_ok(email))
		return outcome_set(e, OUTCOME_INVALID,
				   "email must be an email address.");
	r = accounts_room(g, e);
	if (r == 0)
		r = accounts_by_email(g, email, &account, e);
	if (r == 0)
		return outcome_set(e, OUTCOME_INVALID,
				   "%s has an account already.", email);
	if (r != STATE_ABSENT)
		return r;
	account.j = json_pack("{s:s, s:s, s:s}", "id", id_uuid(id), "email", email,
			      "created_at", c.now);
	account.key = xasprintf("/accounts/%s", id);
	link = json_pack("{s:s}", "id", id);
	r = accounts_fill(&c, account.j, body, e);
	if (r != 0)
		return r;
	change_expect_absent(&c, "/account-emails/%s", key);
	change_put(&c, link, "/account-emails/%s", key);
	change_put(&c, account.j, "%s", account.key);
	r = change_commit(&c, e);
	if (r != 0)
		return r;
	*ret = account;
	account = DOC_INIT;
	return 0;
}

int accounts_update(struct engine *g, struct doc *account, const json_t *body,
		    struct error *e)
{
	auto_change c = change_begin(g);
	int r = accounts_fill(&c, account->j, body, e);

	if (r != 0)
		return r;
	change_expect(&c, account);
	change_put(&c, account->j, "%s", account->key);
	return change_commit(&c, e);
}

/* Its tokens and its entries below /apps. */
static int accounts_stage_end(struct change *c, const char *id, struct error *e)
{
	auto_doc_list apps = DOC_LIST_INIT, tokens = DOC_LIST_INIT;
	int r = doc_list(c->g->state, &apps, e, "/app-names/");

	if (r == 0)
		r = doc_list(c->g->state, &tokens, e, "/tokens/");
	for (size_t i = 0; r == 0 && i < apps.n; i++) {
		const char *app = json_str(apps.v[i].j, "id");
		auto_doc d = DOC_INIT;

		change_delete(c, "/apps/%s/collaborators/%s", app, id);
		r = doc_get(c->g->state, &d, e, "/apps/%s", app);
		if (r == 0 && str_eq(apps_owner(c->g, d.j), id))
			return outcome_set(e, OUTCOME_INVALID, "The account owns "
				"apps (%s): destroy them first.",
				json_str(d.j, "name"));
	}
	for (size_t i = 0; r == 0 && i < tokens.n; i++) {
		const char *whose = json_str(tokens.v[i].j, "account");

		if (whose && str_eq(whose, id))
			change_delete(c, "%s", tokens.v[i].key);
	}
	return r < 0 ? r : 0;
}

int accounts_remove(struct engine *g, const struct doc *account,
		    struct error *e)
{
	const char *id = json_str(account->j, "id");
	auto_free char *key = accounts_fold(json_str(account->j, "email"));
	auto_change c = change_begin(g);
	int r;

	if (str_eq(id, g->self.id))
		return outcome_set(e, OUTCOME_INVALID,
				   "The default account cannot be removed.");
	r = accounts_stage_end(&c, id, e);
	if (r != 0)
		return r;
	change_expect(&c, account);
	change_delete(&c, "%s", account->key);
	change_delete(&c, "/account-emails/%s", key);
	return change_commit(&c, e);
}

int accounts_log_in(struct engine *g, const char *email, const char *password,
		    struct doc *ret, struct error *e)
{
	auto_doc account = DOC_INIT;
	int r = accounts_email_ok(email) ? accounts_by_email(g, email, &account, e)
					 : STATE_ABSENT;

	if (r < 0)
		return r;
	if (!passwords_check(json_object_get(account.j, "password"), password))
		return outcome_set(e, OUTCOME_UNAUTHORIZED,
				   "Invalid credentials provided.");
	if (json_str(account.j, "suspended_at"))
		return outcome_set(e, OUTCOME_SUSPENDED,
				   "Your account has been suspended.");
	*ret = account;
	account = DOC_INIT;
	return 0;
}

/* ---- the default account ---- */

/* The account of /account, under the email that the configuration has now. */
static int accounts_rename(struct change *c, const char *email,
			   struct error *e)
{
	auto_doc pointer = DOC_INIT, old = DOC_INIT;
	auto_free char *key = accounts_fold(email), *old_key = NULL;
	auto_json *account = NULL, *link = NULL;
	char id[UUID_TEXT_MAX];
	const char *had;
	int r = doc_get(c->g->state, &pointer, e, "/account");

	if (r < 0)
		return r;
	if (r == STATE_ABSENT)
		pointer.j = json_pack("{s:s, s:s}", "id", id_uuid(id),
				      "created_at", c->now);
	if (!json_str(pointer.j, "id") || !json_str(pointer.j, "created_at"))
		return error_set(e, EILSEQ, "state key /account: incomplete");
	r = doc_get(c->g->state, &old, e, "/accounts/%s",
		    json_str(pointer.j, "id"));
	if (r < 0)
		return r;
	account = old.j ? json_incref(old.j) : json_copy(pointer.j);
	had = json_str(account, "email");
	old_key = had ? accounts_fold(had) : NULL;
	json_object_set_new(account, "email", json_string(email));
	json_object_set_new(account, "updated_at", json_string(c->now));
	link = json_pack("{s:O}", "id", json_object_get(account, "id"));
	if (old_key)
		change_delete(c, "/account-emails/%s", old_key);
	change_put(c, link, "/account-emails/%s", key);
	change_put(c, account, "/accounts/%s", json_str(account, "id"));
	change_put(c, pointer.j, "/account");
	return 0;
}

/* An account that is there already becomes the default one. */
static int accounts_choose(struct change *c, const json_t *account,
			   struct error *e)
{
	auto_doc pointer = DOC_INIT;
	auto_json *fresh = json_pack("{s:O, s:O}",
		"id", json_object_get(account, "id"),
		"created_at", json_object_get(account, "created_at"));
	int r = doc_get(c->g->state, &pointer, e, "/account");

	if (r == 0 && json_str(pointer.j, "id") &&
	    str_eq(json_str(pointer.j, "id"), json_str(account, "id")))
		return 0;
	change_put(c, fresh, "/account");
	return r < 0 ? r : 0;
}

int accounts_open(struct engine *g, struct principal *ret, struct error *e)
{
	const char *email = g->conf->owner;
	auto_doc account = DOC_INIT;
	auto_change c = change_begin(g);
	int r;

	if (!accounts_email_ok(email))
		return error_set(e, EINVAL, "owner: \"%s\" is not an email address",
				 email);
	r = accounts_by_email(g, email, &account, e);
	if (r == STATE_ABSENT)
		r = accounts_rename(&c, email, e);
	else if (r == 0)
		r = accounts_choose(&c, account.j, e);
	if (r == 0 && c.txn.n_ops)
		r = change_commit(&c, e);
	if (r == 0 && !account.j)
		r = accounts_by_email(g, email, &account, e);
	if (r != 0)
		return r < 0 ? r : error_set(e, EIO, "the account of %s cannot be "
					     "made", email);
	*ret = (struct principal){ .scope = PRINCIPAL_SERVICE };
	accounts_principal(account.j, ret);
	return 0;
}
