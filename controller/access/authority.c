/*
 * authority.c - keys and certificates by GnuTLS: ECDSA on P-256, SHA-256.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "controller/access/authority.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <time.h>

#define DAY_SEC (24 * 3600LL)
#define CA_VALID_SEC (3650 * DAY_SEC)
#define CA_RENEW_SEC (365 * DAY_SEC)
#define FILE_MAX_BYTES 65536
#define SERIAL_BYTES 16
#define ID_BYTES 64

struct pair {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
};

struct authority {
	struct pair ca;
	struct buf pem;
};

static void pair_deinit(struct pair *p)
{
	if (p->key)
		gnutls_x509_privkey_deinit(p->key);
	if (p->crt)
		gnutls_x509_crt_deinit(p->crt);
	*p = (struct pair){ NULL, NULL };
}

static int authority_fail(struct error *e, int r, const char *what)
{
	return error_set(e, EIO, "%s: %s", what, gnutls_strerror(r));
}

static time_t authority_now(void)
{
	return (time_t)(clock_real_usec() / USEC_PER_SEC);
}

/* ---- make ---- */

static int pair_new_key(struct pair *p)
{
	int r = gnutls_x509_privkey_init(&p->key);

	if (r == 0)
		r = gnutls_x509_privkey_generate(p->key, GNUTLS_PK_ECDSA,
			GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	return r == 0 ? gnutls_x509_crt_init(&p->crt) : r;
}

/* A day back: clocks differ. */
static int pair_describe(struct pair *p, const char *name, int64_t valid_sec)
{
	unsigned char serial[SERIAL_BYTES], id[ID_BYTES];
	time_t now = authority_now();
	time_t from = now - (time_t)DAY_SEC + (valid_sec < 0 ? (time_t)valid_sec : 0);
	size_t id_len = sizeof(id);
	int r = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

	if (r != 0)
		return r;
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);	/* positive */
	gnutls_x509_crt_set_version(p->crt, 3);
	gnutls_x509_crt_set_serial(p->crt, serial, sizeof(serial));
	gnutls_x509_crt_set_activation_time(p->crt, from);
	gnutls_x509_crt_set_expiration_time(p->crt, now + (time_t)valid_sec);
	r = gnutls_x509_crt_set_dn_by_oid(p->crt, GNUTLS_OID_X520_COMMON_NAME, 0,
					  name, (unsigned)strlen(name));
	if (r == 0)
		r = gnutls_x509_crt_set_key(p->crt, p->key);
	if (r == 0)
		r = gnutls_x509_crt_get_key_id(p->crt, 0, id, &id_len);
	if (r == 0)
		r = gnutls_x509_crt_set_subject_key_id(p->crt, id, id_len);
	return r;
}

static int pair_sign(struct pair *p, const struct pair *ca, unsigned usage)
{
	unsigned char id[ID_BYTES];
	size_t id_len = sizeof(id);
	int r = gnutls_x509_crt_set_ca_status(p->crt, p->crt == ca->crt);

	if (r == 0)
		r = gnutls_x509_crt_set_key_usage(p->crt, usage);
	if (r == 0)
		r = gnutls_x509_crt_get_subject_key_id(ca->crt, id, &id_len, NULL);
	if (r == 0)
		r = gnutls_x509_crt_set_authority_key_id(p->crt, id, id_len);
	if (r == 0)
		r = gnutls_x509_crt_sign2(p->crt, ca->crt, ca->key,
					  GNUTLS_DIG_SHA256, 0);
	return r;
}

static int pair_add_name(struct pair *p, const char *name)
{
	unsigned char a[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, name, a) == 1)
		return gnutls_x509_crt_set_subject_alt_name(p->crt,
			GNUTLS_SAN_IPADDRESS, a, sizeof(struct in_addr),
			GNUTLS_FSAN_APPEND);
	if (inet_pton(AF_INET6, name, a) == 1)
		return gnutls_x509_crt_set_subject_alt_name(p->crt,
			GNUTLS_SAN_IPADDRESS, a, sizeof(struct in6_addr),
			GNUTLS_FSAN_APPEND);
	return gnutls_x509_crt_set_subject_alt_name(p->crt, GNUTLS_SAN_DNSNAME,
			name, (unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

static int pair_add_key_pem(const struct pair *p, struct buf *out)
{
	gnutls_datum_t pem;
	int r = gnutls_x509_privkey_export2_pkcs8(p->key, GNUTLS_X509_FMT_PEM,
						  NULL, GNUTLS_PKCS_PLAIN, &pem);

	if (r != 0)
		return r;
	buf_add(out, pem.data, pem.size);
	gnutls_memset(pem.data, 0, pem.size);
	gnutls_free(pem.data);
	return 0;
}

static int pair_add_pem(const struct pair *p, struct buf *out)
{
	gnutls_datum_t pem;
	int r = gnutls_x509_crt_export2(p->crt, GNUTLS_X509_FMT_PEM, &pem);

	if (r != 0)
		return r;
	buf_add(out, pem.data, pem.size);
	gnutls_free(pem.data);
	return 0;
}

/* names: of a server; none: a client. */
static int authority_sign(struct authority *a, const char *name,
			  const char *const *names, size_t n, int64_t valid_sec,
			  struct buf *pem, struct error *e)
{
	const char *purpose = n ? GNUTLS_KP_TLS_WWW_SERVER
				: GNUTLS_KP_TLS_WWW_CLIENT;
	auto_(pair_deinit) struct pair p = { NULL, NULL };
	int r = pair_new_key(&p);

	if (r == 0)
		r = pair_describe(&p, name, valid_sec);
	if (r == 0)
		r = gnutls_x509_crt_set_key_purpose_oid(p.crt, purpose, 0);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = pair_add_name(&p, names[i]);
	if (r == 0)
		r = pair_sign(&p, &a->ca, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (r == 0)
		r = pair_add_key_pem(&p, pem);
	if (r == 0)
		r = pair_add_pem(&p, pem);
	return r == 0 ? 0 : authority_fail(e, r, "sign a certificate");
}

int authority_sign_server(struct authority *a, const char *const *names,
			  size_t n, int64_t valid_sec, struct buf *pem,
			  struct error *e)
{
	assert(n);
	return authority_sign(a, names[0], names, n, valid_sec, pem, e);
}

int authority_sign_client(struct authority *a, const char *name,
			  int64_t valid_sec, struct buf *pem, struct error *e)
{
	return authority_sign(a, name, NULL, 0, valid_sec, pem, e);
}

/* ---- look at ---- */

static int pair_read(struct pair *p, const struct buf *text)
{
	gnutls_datum_t d = { (unsigned char *)text->data, (unsigned)text->len };
	int r = gnutls_x509_crt_init(&p->crt);

	return r == 0 ? gnutls_x509_crt_import(p->crt, &d, GNUTLS_X509_FMT_PEM) : r;
}

static bool pair_lasts(const struct pair *p, int64_t more_sec)
{
	return gnutls_x509_crt_get_expiration_time(p->crt) >
	       authority_now() + (time_t)more_sec;
}

bool authority_is_good(const struct authority *a, const struct buf *pem,
		       const char *const *names, size_t n, int64_t more_sec)
{
	auto_(pair_deinit) struct pair p = { NULL, NULL };
	unsigned status = 0;

	if (!pem->len || pair_read(&p, pem) != 0 || !pair_lasts(&p, more_sec) ||
	    gnutls_x509_crt_verify(p.crt, &a->ca.crt, 1, 0, &status) != 0 || status)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!gnutls_x509_crt_check_hostname(p.crt, names[i]))
			return false;
	return true;
}

/* ---- the CA's own files ---- */

static bool authority_is_pair(const struct pair *ca)
{
	unsigned char a[ID_BYTES], b[ID_BYTES];
	size_t an = sizeof(a), bn = sizeof(b);

	return gnutls_x509_crt_get_key_id(ca->crt, 0, a, &an) == 0 &&
	       gnutls_x509_privkey_get_key_id(ca->key, 0, b, &bn) == 0 &&
	       an == bn && memcmp(a, b, an) == 0;
}

/* false: there is none that could be used. */
static bool authority_load(struct authority *a, const char *key_path,
			   const char *crt_path)
{
	auto_buf key = BUF_INIT;
	gnutls_datum_t d;
	bool ok;

	if (file_read(AT_FDCWD, key_path, FILE_MAX_BYTES, &key, NULL) < 0 ||
	    file_read(AT_FDCWD, crt_path, FILE_MAX_BYTES, &a->pem, NULL) < 0)
		return false;
	d = (gnutls_datum_t){ (unsigned char *)key.data, (unsigned)key.len };
	ok = gnutls_x509_privkey_init(&a->ca.key) == 0 && key.len &&
	     gnutls_x509_privkey_import(a->ca.key, &d, GNUTLS_X509_FMT_PEM) == 0 &&
	     pair_read(&a->ca, &a->pem) == 0 && authority_is_pair(&a->ca) &&
	     pair_lasts(&a->ca, CA_RENEW_SEC);
	if (key.data)
		gnutls_memset(key.data, 0, key.len);
	return ok;
}

/* The key first: a certificate without its key is replaced at the next start. */
static int authority_make(const char *key_path, const char *crt_path,
			  struct error *e)
{
	auto_(pair_deinit) struct pair ca = { NULL, NULL };
	auto_buf key = BUF_INIT, pem = BUF_INIT;
	int r = pair_new_key(&ca);

	if (r == 0)
		r = pair_describe(&ca, "dyno instance CA", CA_VALID_SEC);
	if (r == 0)
		r = pair_sign(&ca, &ca,
			      GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
	if (r == 0)
		r = pair_add_key_pem(&ca, &key);
	if (r == 0)
		r = pair_add_pem(&ca, &pem);
	if (r != 0)
		return authority_fail(e, r, "make a CA");
	r = file_write_atomic(AT_FDCWD, key_path, key.data, key.len, 0600, e);
	gnutls_memset(key.data, 0, key.len);
	return r < 0 ? r : file_write_atomic(AT_FDCWD, crt_path, pem.data,
					     pem.len, 0644, e);
}

int authority_open(struct authority **ret, const char *dir, struct error *e)
{
	auto_(authority_free_p) struct authority *a = xcalloc(1, sizeof(*a));
	auto_free char *key_path = xasprintf("%s/ca-key.pem", dir);
	auto_free char *crt_path = xasprintf("%s/ca.pem", dir);
	int r = 0;

	if (!authority_load(a, key_path, crt_path)) {
		pair_deinit(&a->ca);
		buf_clear(&a->pem);
		r = authority_make(key_path, crt_path, e);
		/* What was only signed does not verify in GnuTLS: read it. */
		if (r == 0 && !authority_load(a, key_path, crt_path))
			r = error_set(e, EIO, "%s cannot be used", crt_path);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(a);
	return 0;
}

struct authority *authority_free(struct authority *a)
{
	if (!a)
		return NULL;
	pair_deinit(&a->ca);
	buf_deinit(&a->pem);
	free(a);
	return NULL;
}

const char *authority_pem(const struct authority *a)
{
	return buf_str(&a->pem);
}
