/* webhook_sign.c - the signature of a body; GnuTLS, which checks slugs as well. */
#include "manager/upstream/webhook.h"

#include <gnutls/crypto.h>
#include <stdio.h>

void webhook_sign(char ret[WEBHOOK_SIGNATURE_MAX], const char *secret, const void *body,
		  size_t n)
{
	unsigned char mac[32];
	gnutls_datum_t raw = { mac, sizeof(mac) }, text = { NULL, 0 };

	ret[0] = '\0';
	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret, strlen(secret), body, n, mac) < 0 ||
	    gnutls_base64_encode2(&raw, &text) < 0)
		return;
	snprintf(ret, WEBHOOK_SIGNATURE_MAX, "%.*s", (int)text.size, text.data);
	gnutls_free(text.data);
}
