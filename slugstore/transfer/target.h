#pragma once

/*
 * target.h - where on the network a slug is or goes: an address, what opens it,
 * and a name for messages that holds no secret.
 */
#include "base/base.h"
#include "base/strv.h"

struct error;
struct slugs_conf;

/* What is for the address itself only, not for where it redirects to; each may be
 * NULL. Borrowed as long as the target. */
struct target_peer {
	const char *ca_file;		/* NULL: of the configuration */
	const char *cert_file, *key_file;	/* what we show */
	const char *proxy;		/* NULL: of the configuration */
};

struct target {
	const struct slugs_conf *conf;
	char *url;			/* http or https */
	char *name;			/* as asked for; no password, no query */
	char *unix_socket;		/* NULL: TCP */
	struct strv headers;		/* "Name: value" */
	struct target_peer peer;
	char *secret;			/* S3: requests are signed; else NULL */
};

struct target_spec {
	const char *address;		/* http://, https:// or s3:// */
	const char *unix_socket;	/* or NULL */
	const struct strv *headers;	/* or NULL */
	struct target_peer peer;
	const struct slugs_conf *conf;	/* borrowed as long as the target */
};

#define TARGET_INIT ((struct target){ .conf = NULL })

/* Reads the secret key, too: as whom the file can be read. EINVAL: no such kind
 * of address, no header, or what an address of S3 does not take. */
int target_init(struct target *t, const struct target_spec *spec,
		struct error *e);
void target_deinit(struct target *t);

/* An address without what may be secret in it; an owned string. */
char *target_name(const char *address);
