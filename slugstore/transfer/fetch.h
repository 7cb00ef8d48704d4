#pragma once

/*
 * fetch.h - a slug from an http or https address into the store.
 *
 * Blocking. At most five redirects; gives up after 10 s without a connection,
 * 30 s of less than 1 KiB/s, 20 minutes at all.
 */
#include "base/base.h"
#include "base/id.h"

struct error;
struct store;
struct strv;

#define FETCH_ABSENT 1			/* the server says 404 or 410 */
#define FETCH_BYTES_MAX (500ULL * 1024 * 1024)

struct fetch {
	const char *url;
	const char *unix_socket;	/* NULL: TCP */
	const struct strv *headers;	/* "Name: value" */
	const char *sha256;		/* expected, or NULL */
};

int fetch_run(struct store *s, const struct fetch *f,
	      char ret_sha256[SHA256_HEX_MAX], struct error *e);
