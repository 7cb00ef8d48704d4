/*
 * fixed_id.c - a version 8 UUID out of a SHA-256.
 */
#include "controller/model/fixed_id.h"

#include <gnutls/crypto.h>
#include <stdio.h>

char *fixed_id(char out[UUID_TEXT_MAX], const char *kind, const char *name)
{
	auto_free char *text = xasprintf("dyno:%s:%s", kind, name);
	unsigned char h[32];
	char hex[33];

	gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), h);
	h[6] = (unsigned char)(0x80 | (h[6] & 0x0f));
	h[8] = (unsigned char)(0x80 | (h[8] & 0x3f));
	id_hex(hex, h, 16);
	snprintf(out, UUID_TEXT_MAX, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
		 hex + 12, hex + 16, hex + 20);
	return out;
}
