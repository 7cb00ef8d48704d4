/*
 * tls_creds.c - PEM files to GnuTLS's credentials and sessions; its verdicts to
 * sentences.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "http/tls_creds.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdio.h>

#define FILE_MAX_BYTES (1024 * 1024)	/* a bundle of all CAs has 220 KB */
#define NAME_MAX_BYTES 256
#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct tls_creds {
	unsigned refs;
	bool server, asks;
	gnutls_certificate_credentials_t cred;
	gnutls_priority_t priority;
};

struct tls_creds *tls_creds_ref(struct tls_creds *c)
{
	c->refs++;
	return c;
}

struct tls_creds *tls_creds_unref(struct tls_creds *c)
{
	if (!c || --c->refs)
		return NULL;
	if (c->cred)
		gnutls_certificate_free_credentials(c->cred);
	if (c->priority)
		gnutls_priority_deinit(c->priority);
	free(c);
	return NULL;
}

/* ---- load ---- */

static int tls_creds_load_own(struct tls_creds *c,
			      const struct tls_creds_spec *spec, struct error *e)
{
	const char *key_file = spec->key_file ? spec->key_file : spec->cert_file;
	auto_buf cert = BUF_INIT, key = BUF_INIT;
	gnutls_datum_t dc, dk;
	int r;

	r = file_read(AT_FDCWD, spec->cert_file, FILE_MAX_BYTES, &cert, e);
	if (r == 0)
		r = file_read(AT_FDCWD, key_file, FILE_MAX_BYTES, &key, e);
	if (r < 0)
		return r;
	dc = (gnutls_datum_t){ (unsigned char *)cert.data, (unsigned)cert.len };
	dk = (gnutls_datum_t){ (unsigned char *)key.data, (unsigned)key.len };
	r = gnutls_certificate_set_x509_key_mem(c->cred, &dc, &dk,
						GNUTLS_X509_FMT_PEM);
	if (key.data)
		gnutls_memset(key.data, 0, key.len);
	if (r < 0)
		return error_set(e, EINVAL, "use certificate %s with its key: %s",
				 spec->cert_file, gnutls_strerror(r));
	return 0;
}

static int tls_creds_load_trust(struct tls_creds *c,
				const struct tls_creds_spec *spec,
				struct error *e)
{
	auto_buf text = BUF_INIT;
	gnutls_datum_t d;
	int r;

	if (!spec->ca_file) {
		/* Without CAs nobody is trusted, as the handshake will say. */
		if (!spec->server)
			gnutls_certificate_set_x509_system_trust(c->cred);
		return 0;
	}
	r = file_read(AT_FDCWD, spec->ca_file, FILE_MAX_BYTES, &text, e);
	if (r < 0)
		return r;
	d = (gnutls_datum_t){ (unsigned char *)text.data, (unsigned)text.len };
	r = text.len ? gnutls_certificate_set_x509_trust_mem(c->cred, &d,
						GNUTLS_X509_FMT_PEM) : 0;
	if (r <= 0)
		return error_set(e, EINVAL, "%s holds no CA certificate: %s",
				 spec->ca_file,
				 r ? gnutls_strerror(r) : "it is empty");
	c->asks = spec->server;
	return 0;
}

int tls_creds_load(struct tls_creds **ret, const struct tls_creds_spec *spec,
		   struct error *e)
{
	auto_(tls_creds_unref_p) struct tls_creds *c = xcalloc(1, sizeof(*c));
	int r;

	assert(spec->cert_file || !spec->server);
	c->refs = 1;
	c->server = spec->server;
	r = gnutls_certificate_allocate_credentials(&c->cred);
	if (r == 0)
		r = gnutls_priority_init(&c->priority, PRIORITY, NULL);
	if (r != 0)
		return error_set(e, EIO, "prepare TLS: %s", gnutls_strerror(r));
	if (spec->cert_file)
		r = tls_creds_load_own(c, spec, e);
	if (r == 0)
		r = tls_creds_load_trust(c, spec, e);
	if (r < 0)
		return r;
	*ret = take_ptr(c);
	return 0;
}

/* ---- sessions ---- */

static bool tls_creds_is_address(const char *host)
{
	unsigned char a[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, a) == 1 || inet_pton(AF_INET6, host, a) == 1;
}

static int tls_creds_client(gnutls_session_t session, const char *host)
{
	gnutls_session_set_verify_cert(session, host, 0);
	return tls_creds_is_address(host) ? 0
	       : gnutls_server_name_set(session, GNUTLS_NAME_DNS, host,
					strlen(host));
}

int tls_creds_session(struct tls_creds *c, const char *host, const char *protocol,
		      gnutls_session_t *ret, struct error *e)
{
	const char *name = protocol ? protocol : "http/1.1";
	const gnutls_datum_t alpn = {
		(unsigned char *)(uintptr_t)name, (unsigned)strlen(name),
	};
	gnutls_session_t s = NULL;
	int r = gnutls_init(&s, (c->server ? GNUTLS_SERVER : GNUTLS_CLIENT) |
				GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

	if (r == 0)
		r = gnutls_priority_set(s, c->priority);
	if (r == 0)
		r = gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, c->cred);
	if (r == 0)
		r = gnutls_alpn_set_protocols(s, &alpn, 1, 0);
	if (r == 0 && c->server)
		gnutls_certificate_server_set_request(s, c->asks
			? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
	else if (r == 0)
		r = tls_creds_client(s, host);
	if (r != 0) {
		if (s)
			gnutls_deinit(s);
		return error_set(e, EIO, "prepare TLS: %s", gnutls_strerror(r));
	}
	*ret = s;
	return 0;
}

bool tls_creds_agreed(gnutls_session_t session, const char *protocol)
{
	gnutls_datum_t d;

	return gnutls_alpn_get_selected_protocol(session, &d) == 0 &&
	       d.size == strlen(protocol) && memcmp(d.data, protocol, d.size) == 0;
}

/* ---- verdicts ---- */

/* The most telling of what is wrong: an expired certificate is also "invalid". */
const char *tls_creds_verdict(unsigned status)
{
	static const struct { unsigned bit; const char *words; } table[] = {
		{ GNUTLS_CERT_EXPIRED, "has expired" },
		{ GNUTLS_CERT_NOT_ACTIVATED, "is not valid yet" },
		{ GNUTLS_CERT_REVOKED, "is revoked" },
		{ GNUTLS_CERT_UNEXPECTED_OWNER, "is for another name" },
		{ GNUTLS_CERT_SIGNER_NOT_FOUND,
		  "is not signed by a CA that is trusted here" },
		{ GNUTLS_CERT_SIGNER_NOT_CA, "is not signed by a CA" },
		{ GNUTLS_CERT_PURPOSE_MISMATCH, "is for another purpose" },
		{ GNUTLS_CERT_SIGNATURE_FAILURE, "has a wrong signature" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (status & table[i].bit)
			return table[i].words;
	return "is not valid";
}

static char *tls_creds_common_name(const gnutls_datum_t *der)
{
	char name[NAME_MAX_BYTES];
	gnutls_x509_crt_t crt;
	size_t n = sizeof(name);
	int r;

	if (gnutls_x509_crt_init(&crt) != 0)
		return NULL;
	r = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER);
	if (r == 0)
		r = gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME,
						  0, 0, name, &n);
	gnutls_x509_crt_deinit(crt);
	/* A name with a NUL inside would look like another one. */
	return r == 0 && n && strlen(name) == n ? xstrdup(name) : NULL;
}

void tls_creds_peer(gnutls_session_t session, char **ret_name, char **ret_fault)
{
	static unsigned char client[] = GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st purpose = { GNUTLS_DT_KEY_PURPOSE_OID, client, 0 };
	const gnutls_datum_t *chain;
	unsigned n = 0, status = 0;

	*ret_name = *ret_fault = NULL;
	chain = gnutls_certificate_get_peers(session, &n);
	if (!chain || !n)
		return;
	if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) < 0)
		status = GNUTLS_CERT_INVALID;
	if (!status)
		*ret_name = tls_creds_common_name(&chain[0]);
	if (status)
		*ret_fault = xasprintf("The client certificate %s.",
				       tls_creds_verdict(status));
	else if (!*ret_name)
		*ret_fault = xstrdup("The client certificate has no common name.");
}

int tls_creds_fail(gnutls_session_t session, int r, const char *whom,
		   struct error *e)
{
	if (r == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
		return error_set(e, EACCES, "the certificate of %s %s", whom,
			tls_creds_verdict(
				gnutls_session_get_verify_cert_status(session)));
	if (r == GNUTLS_E_FATAL_ALERT_RECEIVED)
		return error_set(e, EPROTO, "%s refuses TLS: %s", whom,
			gnutls_alert_get_name(gnutls_alert_get(session)));
	if (r == GNUTLS_E_PREMATURE_TERMINATION || r == GNUTLS_E_PULL_ERROR ||
	    r == GNUTLS_E_PUSH_ERROR)
		return error_set(e, ECONNRESET, "%s closed the connection", whom);
	if (r == GNUTLS_E_UNEXPECTED_PACKET_LENGTH ||
	    r == GNUTLS_E_UNSUPPORTED_VERSION_PACKET)
		return error_set(e, EPROTO, "%s does not speak TLS", whom);
	return error_set(e, EPROTO, "TLS with %s: %s", whom, gnutls_strerror(r));
}
