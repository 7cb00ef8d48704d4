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

/* Something with one @, without spaces, slashes and control characters. */
bool accounts_email_ok(const char *email);

/* The default account has the email of the configuration: it is made, renamed
 * or chosen. Fills ret with its principal (scope SERVICE). */
int accounts_open(struct engine *g, struct principal *ret, struct error *e);

/* By UUID or email. OUTCOME_NO_ACCOUNT. */
int accounts_find(struct engine *g, const char *which, struct doc *ret,
		  struct error *e);

/* The email of an account; of one that is gone, the id. Returns out. */
char *accounts_email(struct engine *g, const char *id,
		     char out[PRINCIPAL_EMAIL_MAX]);

/* Fill the account's members of a principal. */
void accounts_principal(const json_t *account, struct principal *ret);
