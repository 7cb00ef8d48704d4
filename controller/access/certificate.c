/*
 * certificate.c - a CA that signs one certificate.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "controller/access/certificate.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <time.h>

#define DAY_SEC (24 * 3600)
#define VALID_SEC (20LL * 365 * DAY_SEC)
#define RENEW_SEC (30LL * DAY_SEC)
#define FILE_MAX_BYTES 65536
#define CHAIN_MAX 4

static int certificate_fail(struct error *e, int r, const char *what)
{
	return error_set(e, EIO, "%s: %s", what, gnutls_strerror(r));
}

/* ---- make ---- */

struct certificate_pair {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
};

static void certificate_pair_deinit(struct certificate_pair *p)
{
	if (p->key)
		gnutls_x509_privkey_deinit(p->key);
	if (p->crt)
		gnutls_x509_crt_deinit(p->crt);
}

static int certificate_begin(struct certificate_pair *p, const char *name)
{
	time_t now = (time_t)(clock_real_usec() / USEC_PER_SEC);
	unsigned char serial[16], id[20];
	size_t id_len = sizeof(id);
	int r = gnutls_x509_privkey_init(&p->key);

	if (r == 0)
		r = gnutls_x509_privkey_generate(p->key, GNUTLS_PK_ECDSA,
			GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (r == 0)
		r = gnutls_x509_crt_init(&p->crt);
	if (r == 0)
		r = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
	if (r != 0)
		return r;
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);	/* positive */
	gnutls_x509_crt_set_version(p->crt, 3);
	gnutls_x509_crt_set_serial(p->crt, serial, sizeof(serial));
	gnutls_x509_crt_set_activation_time(p->crt, now - DAY_SEC);
	gnutls_x509_crt_set_expiration_time(p->crt, now + VALID_SEC);
	gnutls_x509_crt_set_dn_by_oid(p->crt, GNUTLS_OID_X520_COMMON_NAME, 0,
				      name, (unsigned)strlen(name));
	r = gnutls_x509_crt_set_key(p->crt, p->key);
	if (r == 0)
		r = gnutls_x509_crt_get_key_id(p->crt, 0, id, &id_len);
	if (r == 0)
		r = gnutls_x509_crt_set_subject_key_id(p->crt, id, id_len);
	return r;
}

static int certificate_sign_ca(struct certificate_pair *ca)
{
	int r = certificate_begin(ca, "dyno rendezvous CA");

	if (r == 0)
		r = gnutls_x509_crt_set_ca_status(ca->crt, 1);
	if (r == 0)
		r = gnutls_x509_crt_set_key_usage(ca->crt,
				GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
	if (r == 0)
		r = gnutls_x509_crt_sign2(ca->crt, ca->crt, ca->key,
					  GNUTLS_DIG_SHA256, 0);
	return r;
}

static int certificate_sign(struct certificate_pair *p,
			    const struct certificate_pair *ca)
{
	struct in_addr local = { .s_addr = htonl(INADDR_LOOPBACK) };
	int r = certificate_begin(p, "localhost");

	if (r == 0)
		r = gnutls_x509_crt_set_ca_status(p->crt, 0);
	if (r == 0)
		r = gnutls_x509_crt_set_key_usage(p->crt,
						  GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (r == 0)
		r = gnutls_x509_crt_set_key_purpose_oid(p->crt,
						GNUTLS_KP_TLS_WWW_SERVER, 0);
	if (r == 0)
		r = gnutls_x509_crt_set_subject_alt_name(p->crt, GNUTLS_SAN_DNSNAME,
						"localhost", 9, GNUTLS_FSAN_SET);
	if (r == 0)
		r = gnutls_x509_crt_set_subject_alt_name(p->crt,
						GNUTLS_SAN_IPADDRESS, &local,
						sizeof(local), GNUTLS_FSAN_APPEND);
	if (r == 0)
		r = gnutls_x509_crt_sign2(p->crt, ca->crt, ca->key,
					  GNUTLS_DIG_SHA256, 0);
	return r;
}

static int certificate_add(struct buf *out, gnutls_x509_crt_t crt)
{
	gnutls_datum_t pem;
	int r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);

	if (r == 0) {
		buf_add(out, pem.data, pem.size);
		gnutls_free(pem.data);
	}
	return r;
}

static int certificate_text(struct buf *out)
{
	auto_(certificate_pair_deinit) struct certificate_pair ca = { NULL, NULL };
	auto_(certificate_pair_deinit) struct certificate_pair own = { NULL, NULL };
	gnutls_datum_t pem;
	int r = certificate_sign_ca(&ca);

	if (r == 0)
		r = certificate_sign(&own, &ca);
	if (r == 0)
		r = gnutls_x509_privkey_export2_pkcs8(own.key, GNUTLS_X509_FMT_PEM,
						      NULL, GNUTLS_PKCS_PLAIN,
						      &pem);
	if (r != 0)
		return r;
	buf_add(out, pem.data, pem.size);
	gnutls_free(pem.data);
	r = certificate_add(out, own.crt);
	return r == 0 ? certificate_add(out, ca.crt) : r;
}

static int certificate_make(const char *path, struct error *e)
{
	auto_buf text = BUF_INIT;
	int r = certificate_text(&text);

	if (r != 0)
		return certificate_fail(e, r, "make a certificate");
	return file_write_atomic(AT_FDCWD, path, text.data, text.len, 0600, e);
}

/* ---- load ---- */

struct certificate_chain {
	gnutls_x509_crt_t crts[CHAIN_MAX];
	unsigned n;
};

static void certificate_chain_deinit(struct certificate_chain *c)
{
	for (unsigned i = 0; i < c->n; i++)
		gnutls_x509_crt_deinit(c->crts[i]);
}

/* Whether text is complete and good for a while. */
static bool certificate_is_good(const struct buf *text,
				struct certificate_chain *ret)
{
	gnutls_datum_t d = { (unsigned char *)text->data, (unsigned)text->len };
	time_t soon = (time_t)(clock_real_usec() / USEC_PER_SEC) + RENEW_SEC;
	unsigned n = CHAIN_MAX;

	if (!text->len || gnutls_x509_crt_list_import(ret->crts, &n, &d,
			GNUTLS_X509_FMT_PEM,
			GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED) < 0)
		return false;
	ret->n = n;
	return n == 2 &&
	       gnutls_x509_crt_get_expiration_time(ret->crts[0]) > soon;
}

static int certificate_publish(const struct certificate_chain *chain,
			       const char *ca_path, struct error *e)
{
	auto_buf pem = BUF_INIT;
	int r = certificate_add(&pem, chain->crts[1]);

	if (r != 0)
		return certificate_fail(e, r, "write the CA certificate");
	return file_write_fast(AT_FDCWD, ca_path, pem.data, pem.len, 0644, e);
}

static int certificate_use(gnutls_certificate_credentials_t *ret,
			   const struct buf *text, struct error *e)
{
	gnutls_datum_t d = { (unsigned char *)text->data, (unsigned)text->len };
	int r = gnutls_certificate_allocate_credentials(ret);

	if (r != 0)
		return certificate_fail(e, r, "prepare TLS");
	r = gnutls_certificate_set_x509_key_mem(*ret, &d, &d,
						GNUTLS_X509_FMT_PEM);
	if (r < 0) {
		gnutls_certificate_free_credentials(*ret);
		return certificate_fail(e, r, "load the certificate");
	}
	return 0;
}

int certificate_load(gnutls_certificate_credentials_t *ret, const char *path,
		     const char *ca_path, struct error *e)
{
	auto_(certificate_chain_deinit) struct certificate_chain chain = { .n = 0 };
	auto_buf text = BUF_INIT;
	int r = 0;

	if (access(path, F_OK) == 0)
		r = file_read(AT_FDCWD, path, FILE_MAX_BYTES, &text, e);
	if (r == 0 && !certificate_is_good(&text, &chain)) {
		certificate_chain_deinit(&chain);
		chain.n = 0;
		buf_clear(&text);
		r = certificate_make(path, e);
		if (r == 0)
			r = file_read(AT_FDCWD, path, FILE_MAX_BYTES, &text, e);
		if (r == 0 && !certificate_is_good(&text, &chain))
			r = error_set(e, EIO, "%s cannot be used", path);
	}
	if (r == 0)
		r = certificate_publish(&chain, ca_path, e);
	if (r == 0)
		r = certificate_use(ret, &text, e);
	return r;
}
