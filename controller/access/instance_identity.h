#pragma once

/*
 * instance_identity.h - what the ports with TLS show, and whom they know: the
 * instance's CA, the certificate of the ports, reload and renewal.
 *
 * Changed files are used for connections that come after, at the latest on SIGHUP;
 * our own certificate is looked at daily. Open connections are left alone.
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct authority;
struct error;
struct instance_identity;
struct tls_identity;

struct instance_identity_spec {
	const char *dir;		/* where the CA is kept */
	const char *ca_path;		/* gets the CA's certificate, for everybody */
	const char *names;		/* more of this machine, see certificate.h */
	/* The operator's own; NULL: ours, signed by the CA. */
	const char *certificate_file, *key_file;
	const char *client_ca_file;	/* who signs worker hosts; NULL: the CA */
};

/* Strings are copied. Takes SIGHUP. */
int instance_identity_new(struct instance_identity **ret, sd_event *event,
			  const struct instance_identity_spec *spec,
			  struct error *e);
struct instance_identity *instance_identity_free(struct instance_identity *i);
DEFINE_AUTO(struct instance_identity, instance_identity_free)

struct tls_identity *instance_identity_tls(struct instance_identity *i);
struct authority *instance_identity_authority(struct instance_identity *i);
