#pragma once

/*
 * secrets.h - the API key, and URLs that are capabilities.
 *
 * A URL that must work without credentials (upload of a slug, a log stream)
 * carries its parameters, the time of its end and a signature over them. So
 * nothing has to be remembered, and it works after a restart.
 */
#include "base/base.h"

struct error;
struct secrets;

/* Reads <dir>/token and <dir>/signing-key (0600); makes them at first start. */
int secrets_open(struct secrets **ret, const char *dir, struct error *e);
struct secrets *secrets_free(struct secrets *s);
DEFINE_AUTO(struct secrets, secrets_free)

/* Whether it is the one of the key file. */
bool secrets_is_token(const struct secrets *s, const char *token);

/* "/what?params&expires=N&signature=HEX"; the caller frees. params are already
 * encoded ("a=b&c=d") or empty. */
char *secrets_sign(const struct secrets *s, const char *path,
		   const char *params, uint64_t expires);

/* Whether the signature fits, and the time (seconds since 1970) is not over. */
bool secrets_check(const struct secrets *s, const char *path,
		   const char *params, const char *expires,
		   const char *signature, uint64_t now);
