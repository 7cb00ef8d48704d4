#pragma once

/*
 * conf.h - <etc>/slugs.conf: the store's limits, its network, its S3.
 *
 * dyno-slug reads it if it is told to (--config); a controller may, too.
 * A secret is never in the file itself: it names the file that holds it.
 */
#include "base/base.h"
#include "slugstore/space/collect.h"

struct buf;
struct error;
struct strv;

struct slugs_conf {
	/* what is accepted, and how long anything may take */
	uint64_t max_bytes;
	uint64_t connect_sec, stall_sec, total_sec;
	uint64_t retries;	/* of a transfer, in a row without progress */

	/* how others are reached; NULL: as the system does */
	char *proxy, *no_proxy, *ca_file;

	/* S3; NULL: not set */
	char *s3_endpoint;	/* "https://s3.example.com", no path */
	char *s3_region;
	char *s3_access_key;
	char *s3_secret_key_file;
	bool s3_path_style;	/* ENDPOINT/bucket/key, else bucket.ENDPOINT/key */

	struct collect_marks marks;
};

#define SLUGS_CONF_INIT ((struct slugs_conf){ .max_bytes = 0 })

/* The defaults, then path and path.d/ if they exist. path NULL: the defaults
 * only. A low mark that is not set is nine tenths of the high one. EINVAL:
 * what the file says cannot be; nothing is to be freed then. */
int slugs_conf_load(struct slugs_conf *conf, const char *path, struct error *e);
void slugs_conf_deinit(struct slugs_conf *conf);

/* Set what the command line says, "key=value" each. A high mark that is given
 * without its low one takes that along. Errors name the key. */
int slugs_conf_override(struct slugs_conf *conf, const struct strv *settings,
			struct error *e);

/* Append the secret key of S3 to ret. EINVAL: not configured; EPERM: others
 * may read the file. No message holds any of it. */
int slugs_conf_secret(const struct slugs_conf *conf, struct buf *ret,
		      struct error *e);
