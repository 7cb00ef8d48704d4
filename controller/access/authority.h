#pragma once

/*
 * authority.h - the instance's own CA: it signs the certificate of the ports
 * with TLS, and those by which worker hosts show who they are.
 *
 * The CA's certificate lasts ten years. Nobody trusts it who was not told to; the
 * key never leaves the controller's directory (mode 0600).
 */
#include "base/base.h"

struct authority;
struct buf;
struct error;

/* Load the key (ca-key.pem) and the certificate (ca.pem) from dir; make both if
 * they are absent, or if the certificate ends within a year. */
int authority_open(struct authority **ret, const char *dir, struct error *e);
struct authority *authority_free(struct authority *a);
DEFINE_AUTO(struct authority, authority_free)

/* The CA's certificate, PEM. */
const char *authority_pem(const struct authority *a);

/* Sign a new key: append PEM of key, then certificate. valid_sec counts from now; a
 * negative number makes one that has expired. Server: for the first name and all
 * others (names or addresses). */
int authority_sign_server(struct authority *a, const char *const *names,
			  size_t n, int64_t valid_sec, struct buf *pem,
			  struct error *e);
/* Client: name is its common name. */
int authority_sign_client(struct authority *a, const char *name,
			  int64_t valid_sec, struct buf *pem, struct error *e);

/* Whether the certificate in pem is ours, for a server of all these names, and
 * lasts for more_sec. */
bool authority_is_good(const struct authority *a, const struct buf *pem,
		       const char *const *names, size_t n, int64_t more_sec);
