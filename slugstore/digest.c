/*
 * digest.c - SHA-256 of GnuTLS, which every program of ours links anyway.
 */
#include "base/error.h"
#include "slugstore/digest.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#define DIGEST_BYTES 32

struct digest {
	gnutls_hash_hd_t hash;
};

int digest_new(struct digest **ret, struct error *e)
{
	struct digest *d;
	gnutls_hash_hd_t hash;
	int r = gnutls_hash_init(&hash, GNUTLS_DIG_SHA256);

	if (r < 0)
		return error_set(e, EIO, "start SHA-256: %s", gnutls_strerror(r));
	d = xcalloc(1, sizeof(*d));
	d->hash = hash;
	*ret = d;
	return 0;
}

struct digest *digest_free(struct digest *d)
{
	if (d) {
		gnutls_hash_deinit(d->hash, NULL);
		free(d);
	}
	return NULL;
}

void digest_add(struct digest *d, const void *data, size_t n)
{
	int r = gnutls_hash(d->hash, data, n);

	assert(r == 0);		/* software hash over memory cannot fail */
}

char *digest_hex(struct digest *d, char out[SHA256_HEX_MAX])
{
	unsigned char bytes[DIGEST_BYTES];

	gnutls_hash_output(d->hash, bytes);
	id_hex(out, bytes, sizeof(bytes));
	return out;
}
