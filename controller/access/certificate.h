#pragma once

/*
 * certificate.h - the rendezvous port's identity, made at first start.
 *
 * One file holds key, certificate (IP 127.0.0.1, DNS localhost) and the CA
 * certificate that signed it. The CA's key signs once and is never stored, so
 * that nobody can make other certificates which our clients would trust.
 */
#include "base/base.h"

#include <gnutls/gnutls.h>

struct error;

/* Load path, or make it (also when it is about to expire). ca_path gets a
 * copy of the CA certificate, readable by everybody. The caller frees with
 * gnutls_certificate_free_credentials(). */
int certificate_load(gnutls_certificate_credentials_t *ret, const char *path,
		     const char *ca_path, struct error *e);
