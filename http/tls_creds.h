#pragma once

/*
 * tls_creds.h - what one side of a TLS connection shows, and whom it trusts.
 *
 * Read once from PEM files, then unchanged: a reload makes another, and each
 * connection holds the one it began with. TLS 1.2 and 1.3 only.
 */
#include "base/base.h"

#include <gnutls/gnutls.h>

struct error;
struct tls_creds;

struct tls_creds_spec {
	const char *cert_file;		/* chain, own first; NULL: shows nothing */
	const char *key_file;		/* NULL: in cert_file too */
	const char *ca_file;		/* NULL: a server asks its clients for no
					 * certificate, a client trusts the
					 * system's CAs */
	bool server;
};

/* With one reference. Fails if a file cannot be read or used, or the key is not
 * the certificate's. */
int tls_creds_load(struct tls_creds **ret, const struct tls_creds_spec *spec,
		   struct error *e);
struct tls_creds *tls_creds_ref(struct tls_creds *c);
struct tls_creds *tls_creds_unref(struct tls_creds *c);	/* NULL */
DEFINE_AUTO(struct tls_creds, tls_creds_unref)

/*
 * Make a non-blocking session; it has to be deinited before the credentials
 * are let go. A client's handshake fails unless the server's certificate is
 * good for host, a name or an address (borrowed until the session is deinited).
 * A server lets clients in without a certificate, and with a bad one: who they
 * are is asked afterwards. protocol is what it offers by ALPN, NULL: "http/1.1"; a
 * peer that offers none, or another one, is as welcome.
 */
int tls_creds_session(struct tls_creds *c, const char *host, const char *protocol,
		      gnutls_session_t *ret, struct error *e);

/* After the handshake: both sides have named this protocol. */
bool tls_creds_agreed(gnutls_session_t session, const char *protocol);

/*
 * Server, after the handshake: who the client is. *ret_name is the common name
 * of a certificate that a CA of ca_file has signed, or NULL; then *ret_fault is
 * a sentence that says what is wrong with the one it showed, or NULL if it
 * showed none. The caller frees both.
 */
void tls_creds_peer(gnutls_session_t session, char **ret_name, char **ret_fault);

/* What bits of GNUTLS_CERT_... say about a certificate: "has expired". */
const char *tls_creds_verdict(unsigned status);

/* Why a handshake failed with code r: words for an operator. Returns -errno. */
int tls_creds_fail(gnutls_session_t session, int r, const char *whom,
		   struct error *e);
