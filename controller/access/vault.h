#pragma once

/*
 * vault.h - secrets at rest: config vars, URLs with passwords and the like are
 * in the state as sealed texts only.
 *
 *   "vault1:KEY:BASE64"	AES-256-GCM; KEY is the name of the key
 *
 * A text is bound to the place where it is kept (the state key): at another place
 * it does not open. There may be several keys: all open, the last one seals. So a
 * key is changed by adding a line, and a restart (model/seals.h does the rest).
 */
#include "http/json.h"

struct error;
struct vault;

/* The keys of <dir>/state-key, which is made (0600) at the first start, and behind
 * them those of the systemd credential "state-key", if there is one; then no file
 * is made. A key is a line of 64 hex digits; "#" begins a comment. */
int vault_new(struct vault **ret, const char *dir, struct error *e);
struct vault *vault_free(struct vault *v);
DEFINE_AUTO(struct vault, vault_free)

/* The sealed text; the caller frees. */
char *vault_seal(const struct vault *v, const char *place, const char *plain);

/* The plain text, owned by the caller. What does not begin like a sealed text was
 * stored before there was a vault: *ret is a copy of it. EBADMSG: the key is not
 * here, or the text was made for another place or damaged. */
int vault_open(const struct vault *v, const char *place, const char *text,
	       char **ret, struct error *e);

/* Whether it begins like a sealed text. */
bool vault_is_sealed(const char *text);
/* Whether it is sealed with the newest key. */
bool vault_is_current(const struct vault *v, const char *text);

/* The same for any JSON value: it becomes a string. Opening what is no sealed
 * string gives a new reference to it. */
json_t *vault_seal_json(const struct vault *v, const char *place,
			const json_t *plain);
int vault_open_json(const struct vault *v, const char *place,
		    const json_t *sealed, json_t **ret, struct error *e);
