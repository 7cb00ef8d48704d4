/*
 * signature.c - two calls of GnuTLS.
 */
#include "controller/webhook/signature.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#define SHA256_BYTES 32

char *signature_make(const char *secret, const void *body, size_t n)
{
	unsigned char sum[SHA256_BYTES];
	gnutls_datum_t raw = { sum, sizeof(sum) }, text;
	char *out;

	/* Neither can fail but for want of memory. */
	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret, strlen(secret), body, n,
			     sum) < 0 ||
	    gnutls_base64_encode2(&raw, &text) < 0)
		abort();
	out = xstrndup((const char *)text.data, text.size);
	gnutls_free(text.data);
	return out;
}
