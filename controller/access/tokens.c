/*
 * tokens.c - make, check, list and revoke.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "controller/access/accounts.h"
#include "controller/access/tokens.h"
#include "controller/engine.h"
#include "controller/model/change.h"
#include "controller/model/outcome.h"

#include <gnutls/crypto.h>
#include <stdio.h>

#define TOKEN_BYTES 32
#define USED_USEC (3600 * USEC_PER_SEC)
#define EXPIRES_SEC_MAX (100ULL * 366 * 24 * 3600)

static void tokens_hash(const char *text, char out[SHA256_HEX_MAX])
{
	unsigned char digest[32];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), digest) != 0)
		abort();
	id_hex(out, digest, sizeof(digest));
}

/* ---- make ---- */

static json_t *tokens_doc(const struct tokens_new *spec, const char *now)
{
	char id[UUID_TEXT_MAX], end[CLOCK_TEXT_MAX];

	if (spec->expires_in)
		clock_api_text(end, clock_real_usec() +
			       spec->expires_in * USEC_PER_SEC);
	return json_pack("{s:s, s:s*, s:s*, s:s, s:s*, s:s, s:s*}",
			 "id", id_uuid(id), "account", spec->account,
			 "host", spec->host,
			 "scope", principal_scope_name(spec->scope),
			 "description", spec->description, "created_at", now,
			 "expires_at", spec->expires_in ? end : NULL);
}

static int tokens_room(struct engine *g, const struct tokens_new *spec,
		       struct error *e)
{
	auto_json *all = NULL;
	int r = tokens_list(g, spec->account, spec->host, &all, e);

	if (r == 0 && json_array_size(all) >= TOKENS_PER_ACCOUNT)
		return outcome_set(e, OUTCOME_INVALID, "There are %d tokens "
				   "already: revoke some.", TOKENS_PER_ACCOUNT);
	return r;
}

int tokens_create(struct engine *g, const struct tokens_new *spec,
		  char **ret_text, json_t **ret, struct error *e)
{
	auto_free char *text = id_secret(TOKEN_BYTES);
	auto_change c = change_begin(g);
	char hash[SHA256_HEX_MAX];
	auto_json *j = NULL;
	int r;

	if (spec->description &&
	    strlen(spec->description) > TOKENS_DESCRIPTION_MAX)
		return outcome_set(e, OUTCOME_INVALID, "The description is longer "
				   "than %d bytes.", TOKENS_DESCRIPTION_MAX);
	if (spec->expires_in > EXPIRES_SEC_MAX)
		return outcome_set(e, OUTCOME_INVALID, "expires_in is too long.");
	r = tokens_room(g, spec, e);
	if (r != 0)
		return r;
	j = tokens_doc(spec, c.now);
	tokens_hash(text, hash);
	change_expect_absent(&c, "/tokens/%s", hash);
	change_put(&c, j, "/tokens/%s", hash);
	r = change_commit(&c, e);
	if (r != 0)
		return r;
	*ret_text = take_ptr(text);
	*ret = take_ptr(j);
	return 0;
}

/* ---- check ---- */

static bool tokens_is_over(const json_t *token, uint64_t now)
{
	const char *text = json_str(token, "expires_at");
	uint64_t end;

	return text && (!clock_parse(text, &end) || end <= now);
}

/* Not worth a write per request; and no request fails for it. */
static void tokens_used(struct engine *g, struct doc *token, uint64_t now)
{
	const char *text = json_str(token->j, "used_at");
	auto_change c = change_begin(g);
	struct error e;
	uint64_t last;

	if (text && clock_parse(text, &last) && now < last + USED_USEC)
		return;
	json_object_set_new(token->j, "used_at", json_string(c.now));
	change_expect(&c, token);
	change_put(&c, token->j, "%s", token->key);
	if (change_commit(&c, &e) < 0)
		log_warn("note the use of a token: %s, ignoring", e.msg);
}

static int tokens_account(struct engine *g, const json_t *token,
			  struct principal *ret, struct error *e)
{
	const char *id = json_str(token, "account");
	auto_doc account = DOC_INIT;
	int r = doc_get(g->state, &account, e, "/accounts/%s", id ? id : "");

	if (r == STATE_ABSENT)
		return outcome_set(e, OUTCOME_UNAUTHORIZED,
				   "Invalid credentials provided.");
	if (r == 0 && json_str(account.j, "suspended_at"))
		return outcome_set(e, OUTCOME_SUSPENDED,
				   "Your account has been suspended.");
	if (r == 0)
		accounts_principal(account.j, ret);
	return r;
}

static int tokens_refuse(struct error *e)
{
	return outcome_set(e, OUTCOME_UNAUTHORIZED, "Invalid credentials provided.");
}

/* Whose a token that was found is, if it is not over. */
static int tokens_principal(struct engine *g, const struct doc *token, uint64_t now,
			    struct principal *ret, struct error *e)
{
	struct principal p = { .scope = PRINCIPAL_NOBODY };
	const char *host;
	int r = 0;

	if (tokens_is_over(token->j, now) ||
	    !principal_scope_parse(json_str(token->j, "scope"), &p.scope) ||
	    p.scope == PRINCIPAL_NOBODY || p.scope == PRINCIPAL_SERVICE)
		return tokens_refuse(e);
	snprintf(p.token, sizeof(p.token), "%s", json_str(token->j, "id"));
	snprintf(p.mark, sizeof(p.mark), "%s", doc_name(token));
	host = json_str(token->j, "host");
	if (p.scope == PRINCIPAL_HOST)
		snprintf(p.host, sizeof(p.host), "%s", host ? host : "");
	else
		r = tokens_account(g, token->j, &p, e);
	if (r == 0)
		*ret = p;
	return r;
}

int tokens_check(struct engine *g, const char *text, struct principal *ret,
		 struct error *e)
{
	uint64_t now = clock_real_usec();
	auto_doc token = DOC_INIT;
	char hash[SHA256_HEX_MAX];
	int r = STATE_ABSENT;

	if (*text && strlen(text) < TOKENS_TEXT_MAX) {
		tokens_hash(text, hash);
		r = doc_get(g->state, &token, e, "/tokens/%s", hash);
	}
	if (r != 0)
		return r < 0 ? r : tokens_refuse(e);
	r = tokens_principal(g, &token, now, ret, e);
	if (r == 0)
		tokens_used(g, &token, now);
	return r;
}

int tokens_check_mark(struct engine *g, const char *mark, struct principal *ret,
		      struct error *e)
{
	auto_doc_list found = DOC_LIST_INIT;
	int r = 0;

	if (strlen(mark) == PRINCIPAL_MARK_MAX - 1)
		r = doc_list(g->state, &found, e, "/tokens/%s", mark);
	if (r < 0)
		return r;
	return found.n == 1 ? tokens_principal(g, &found.v[0], clock_real_usec(), ret, e)
			    : tokens_refuse(e);
}

/* ---- list, find, revoke ---- */

static bool tokens_belong(const json_t *token, const char *account,
			  const char *host)
{
	const char *its_account = json_str(token, "account");
	const char *its_host = json_str(token, "host");

	if (account)
		return its_account && str_eq(its_account, account);
	return its_host && (!host || str_eq(its_host, host));
}

static int tokens_order(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;

	return strcmp(json_str(x, "created_at"), json_str(y, "created_at"));
}

int tokens_list(struct engine *g, const char *account, const char *host,
		json_t **ret, struct error *e)
{
	auto_doc_list all = DOC_LIST_INIT;
	auto_free json_t **v = NULL;
	size_t n = 0;
	int r = doc_list(g->state, &all, e, "/tokens/");

	if (r != 0)
		return r;
	v = xcalloc(all.n + 1, sizeof(*v));
	for (size_t i = 0; i < all.n; i++)
		if (tokens_belong(all.v[i].j, account, host) &&
		    json_str(all.v[i].j, "created_at"))
			v[n++] = all.v[i].j;
	qsort(v, n, sizeof(*v), tokens_order);
	*ret = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append(*ret, v[i]);
	return 0;
}

int tokens_find(struct engine *g, const char *account, const char *id,
		struct doc *ret, struct error *e)
{
	auto_doc_list all = DOC_LIST_INIT;
	int r = doc_list(g->state, &all, e, "/tokens/");

	for (size_t i = 0; r == 0 && i < all.n; i++) {
		const char *its_id = json_str(all.v[i].j, "id");

		if (!its_id || !str_eq(its_id, id) ||
		    (account && !tokens_belong(all.v[i].j, account, NULL)))
			continue;
		*ret = all.v[i];
		all.v[i] = DOC_INIT;
		return 0;
	}
	return r < 0 ? r : outcome_set(e, OUTCOME_NOT_FOUND,
				       "Couldn't find that token (%.60s).", id);
}

int tokens_revoke(struct engine *g, const struct doc *token, struct error *e)
{
	auto_change c = change_begin(g);

	change_delete(&c, "%s", token->key);
	return change_commit(&c, e);
}
