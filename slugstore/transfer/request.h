#pragma once

/*
 * request.h - one HTTP request to a target, with what all of them need:
 * time-outs, proxy, authorities, signature, redirects.
 *
 * A GET follows at most five redirects, never from https to http. To another
 * scheme, host or port goes nothing but the request itself: no header of the
 * target, no password, no unix socket; and none goes to a link-local address,
 * where clouds have what only their machines may know. A signed request follows
 * none.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/strv.h"
#include "slugstore/transfer/reply.h"

#include <curl/curl.h>

struct error;
struct target;

#define REQUEST_BROKEN 1	/* no answer, or not all of it; a retry may help */
#define REQUEST_STOPPED 2	/* on_body has said so */

#define REQUEST_PAGE_MAX 4096
/* SHA-256 of no bytes: what a signed request without a body says. */
#define REQUEST_EMPTY_SHA256 \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct request {
	const struct target *target;
	CURL *curl;
	struct strv headers;		/* of this request */
	uint64_t deadline_usec;		/* monotonic */

	/* The body of an answer 200 or 206; false ends the request. NULL: it
	 * is dropped. userdata is also libcurl's for what the caller sets. */
	bool (*on_body)(struct request *r, const void *data, size_t n);
	/* Bytes sent; may be NULL. */
	void (*on_sent)(uint64_t sent, uint64_t total, void *userdata);
	void *userdata;

	struct reply reply;
	struct buf page;		/* begin of the body of another status */
	uint64_t retry_after_sec;	/* 0: it says nothing */
	char text[CURL_ERROR_SIZE];	/* why it broke */
	bool stopped;			/* by on_body */
	bool full;			/* the page is, and no more is read of it */
	bool forbidden;			/* it would have led to a link-local address */
};

#define REQUEST_INIT ((struct request){ .curl = NULL })

/* sha256: of the body that will be sent. The caller may set more on r->curl. */
int request_init(struct request *r, const struct target *t,
		 uint64_t deadline_usec, const char *sha256, struct error *e);
void request_deinit(struct request *r);

/* 0: there is an answer, whole but for the rest of a long page, of whatever status
 * (never 3xx to a GET).
 * ETIMEDOUT: the deadline has passed. */
int request_perform(struct request *r, struct error *e);

/* The status says "later". */
bool request_is_retryable(const struct request *r);

/* There is nothing under this address. */
bool request_is_absent(const struct request *r);

/* Bytes under this address, by an answer 416; 0: it does not say. */
uint64_t request_total(const struct request *r);

/* An answer that is no success, as an error: EACCES, EIO... with what S3 says.
 * Always < 0. */
int request_refused(const struct request *r, struct error *e);
