#pragma once

/*
 * tokens.h - API keys of accounts and hosts.
 *
 *   /tokens/<sha256>   {id, account | host, scope, description, created_at,
 *                       expires_at, used_at}
 *
 * Only the hash is kept: a token has 256 random bits, which nobody finds by
 * trying, so a plain one is enough. What is revoked is gone at once.
 */
#include "controller/access/principal.h"
#include "controller/state/doc.h"

struct engine;
struct error;

#define TOKENS_PER_ACCOUNT 500
#define TOKENS_TEXT_MAX 128		/* longer ones are wrong */
#define TOKENS_DESCRIPTION_MAX 200

struct tokens_new {
	const char *account;		/* id, or NULL with host */
	const char *host;
	enum principal_scope scope;
	const char *description;	/* may be NULL */
	uint64_t expires_in;		/* seconds; 0 = never */
};

/* Make one: the text, which can never be told again (the caller frees), and its
 * doc. */
int tokens_create(struct engine *g, const struct tokens_new *spec,
		  char **ret_text, json_t **ret, struct error *e);

/* Whose it is: 0; OUTCOME_UNAUTHORIZED (unknown, over), OUTCOME_SUSPENDED. The
 * time of its use is kept with a precision of an hour. */
int tokens_check(struct engine *g, const char *text, struct principal *ret,
		 struct error *e);

/* The same by the mark that it has put into *ret, of a token that was shown before and
 * may be gone meanwhile. A mark is a part of the hash, and no secret. */
int tokens_check_mark(struct engine *g, const char *mark, struct principal *ret,
		      struct error *e);

/* Those of an account; of a host (account NULL); of all hosts (both NULL). Oldest
 * first; a new reference. */
int tokens_list(struct engine *g, const char *account, const char *host,
		json_t **ret, struct error *e);

/* By id. account NULL: whosever it is. OUTCOME_NOT_FOUND. */
int tokens_find(struct engine *g, const char *account, const char *id,
		struct doc *ret, struct error *e);
int tokens_revoke(struct engine *g, const struct doc *token, struct error *e);
