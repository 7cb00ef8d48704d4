#pragma once

/*
 * long_poll.h - requests that wait until something changes.
 *
 * Each waiting request has a time-out; wake() answers those that match from
 * the event loop, not at once, so that many changes in a row are one answer.
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct error;
struct http_request;
struct long_poll;

#define LONG_POLL_WAIT_MAX_SEC 55
#define LONG_POLL_WAITERS_MAX 1000

/* Try to answer req: true if it has been answered (it is dead then). With
 * last the time is over and it must be answered. key and after are those
 * given to long_poll_add(). */
typedef bool (*long_poll_fn)(struct http_request *req, const char *key,
			     uint64_t after, bool last, void *userdata);

int long_poll_new(struct long_poll **ret, sd_event *event, long_poll_fn fn,
		  void *userdata, struct error *e);
/* Waiting requests are left to the server. */
struct long_poll *long_poll_free(struct long_poll *p);

/* Try to answer now, else wait for at most wait_sec (0: answers at once). */
void long_poll_add(struct long_poll *p, struct http_request *req,
		   const char *key, uint64_t after, uint64_t wait_sec);

/* Something has changed: try all of this key again (NULL: of every key). */
void long_poll_wake(struct long_poll *p, const char *key);
