#pragma once

/*
 * accounts.h - people: who owns apps and holds tokens.
 *
 *   /account               {id, created_at}: that of local root, the default
 *   /accounts/<id>         {id, email, name, created_at, updated_at,
 *                           suspended_at, password: {salt, hash, rounds}}
 *   /account-emails/<email in lower case>   {id}
 */
#include "controller/access/principal.h"
#include "controller/state/doc.h"

struct engine;
struct error;

#define ACCOUNTS_MAX 10000
#define ACCOUNTS_NAME_MAX 200

/* Something with one @, without spaces, slashes and control characters. */
bool accounts_email_ok(const char *email);

/* The default account has the email of the configuration: it is made, renamed
 * or chosen. Fills ret with its principal (scope SERVICE). */
int accounts_open(struct engine *g, struct principal *ret, struct error *e);

/* OUTCOME_NO_ACCOUNT in its words. which: as it was asked for. */
int accounts_absent(const char *which, struct error *e);

/* By UUID or email. OUTCOME_NO_ACCOUNT. */
int accounts_find(struct engine *g, const char *which, struct doc *ret,
		  struct error *e);

/* A new reference: by email. */
int accounts_list(struct engine *g, json_t **ret, struct error *e);

/* body: email (required), name, password. OUTCOME_INVALID, OUTCOME_CONFLICT. */
int accounts_add(struct engine *g, const json_t *body, struct doc *ret,
		 struct error *e);

/* body: name, password, suspended (boolean). account is changed. Tokens of a
 * suspended account are refused from here on. */
int accounts_update(struct engine *g, struct doc *account, const json_t *body,
		    struct error *e);

/* With its tokens, and its place among collaborators. OUTCOME_INVALID: it owns
 * apps, or is the default one. */
int accounts_remove(struct engine *g, const struct doc *account,
		    struct error *e);

/* Email and password: 0; OUTCOME_UNAUTHORIZED, OUTCOME_SUSPENDED. Slow, see
 * passwords.h. */
int accounts_log_in(struct engine *g, const char *email, const char *password,
		    struct doc *ret, struct error *e);

/* The email of an account; of one that is gone, the id. Returns out. */
char *accounts_email(struct engine *g, const char *id,
		     char out[PRINCIPAL_EMAIL_MAX]);

/* Fill the account's members of a principal. */
void accounts_principal(const json_t *account, struct principal *ret);
