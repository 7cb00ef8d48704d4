#pragma once

/*
 * tls_identity.h - a server's certificate files, as they are now.
 *
 * New connections show what the files hold: they are looked at when somebody
 * connects, at most once a second, and by tls_identity_reload(). Connections
 * that are open keep what they have. Files that cannot be used change nothing.
 */
#include "http/tls_creds.h"

struct tls_identity;

/* The spec is copied; "server" is set in here. Fails as tls_creds_load() does. */
int tls_identity_new(struct tls_identity **ret, const struct tls_creds_spec *spec,
		     struct error *e);
struct tls_identity *tls_identity_free(struct tls_identity *id);
DEFINE_AUTO(struct tls_identity, tls_identity_free)

/* Read the files again, now. On failure the old content is used on. */
int tls_identity_reload(struct tls_identity *id, struct error *e);

/* Called when changed files were found: NULL, or why they cannot be used. */
void tls_identity_on_change(struct tls_identity *id,
			    void (*fn)(const struct error *e, void *userdata),
			    void *userdata);

/* For a new connection; a new reference. */
struct tls_creds *tls_identity_creds(struct tls_identity *id);
