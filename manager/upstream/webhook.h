#pragma once

/*
 * webhook.h - reports for anybody: changed dynos, and all of them at intervals, are
 * POSTed to an address, signed, with or without an upstream.
 *
 * What waits to be sent is one entry per dyno, its newest; so it is bounded however
 * long the receiver is away, and nothing else waits for it. The body is
 *
 *   {"host", "boot", "seq", "full", "dynos": [as in PROTOCOL.upstream, 3]}
 *
 * and the header "Dyno-Webhook-Hmac-SHA256" has the base64 of the HMAC-SHA256 of the
 * raw body with the secret. seq rises by one with each body; one that is tried again
 * is made anew.
 */
#include "base/base.h"

#define WEBHOOK_PENDING_MAX 2000	/* dynos; beyond it the oldest ends are dropped */
#define WEBHOOK_SIGNATURE_MAX 48	/* base64 of 32 bytes and the NUL */

struct error;
struct supervisor;
struct webhook;

/* The address and the secret are s->conf.report_url and report_secret. */
int webhook_new(struct webhook **ret, struct supervisor *s, struct error *e);
struct webhook *webhook_free(struct webhook *w);

/* Something may have changed. Called after each change, before an ended dyno is
 * forgotten. */
void webhook_report(struct webhook *w);

/* The base64 of the HMAC-SHA256. Pure. */
void webhook_sign(char ret[WEBHOOK_SIGNATURE_MAX], const char *secret, const void *body,
		  size_t n);
