#pragma once

/*
 * fetch.h - a slug from a source into the store.
 *
 * Blocking. With a known digest: one process does it, others that want the same
 * wait and find it; what was interrupted is continued by the next one; pieces
 * that do not make this digest are thrown away and all is fetched once more.
 */
#include "base/base.h"
#include "base/id.h"

struct error;
struct slugs_conf;
struct source;
struct store;

#define FETCH_ABSENT 1			/* the source has no such slug */
#define FETCH_PRESENT 2			/* the store has it already */

struct fetch {
	struct source *source;
	const char *sha256;		/* expected, or NULL */
	const struct slugs_conf *conf;
	/* total 0: not known; may be NULL */
	void (*on_progress)(uint64_t done, uint64_t total, void *userdata);
	void *userdata;
};

/* EBADMSG: the digest is another one; the message names both. *ret_sha256 is
 * set for FETCH_PRESENT, too. */
int fetch_run(struct store *s, const struct fetch *f,
	      char ret_sha256[SHA256_HEX_MAX], struct error *e);
