/*
 * accounts.c - find accounts, and keep the default one in step with the
 * configuration.
 */
#include "base/error.h"
#include "controller/access/accounts.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
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

int accounts_find(struct engine *g, const char *which, struct doc *ret,
		  struct error *e)
{
	int r = STATE_ABSENT;

	if (id_is_uuid(which))
		r = doc_get(g->state, ret, e, "/accounts/%s", which);
	else if (accounts_email_ok(which))
		r = accounts_by_email(g, which, ret, e);
	if (r == STATE_ABSENT)
		return outcome_set(e, OUTCOME_NO_ACCOUNT,
				   "Couldn't find that account.");
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
