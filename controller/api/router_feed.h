#pragma once

/*
 * router_feed.h - which web dynos there are, for dyno-router.
 *
 *   GET /router/v1/routes?after=REV&wait=SEC
 *   -> 200 {"revision": N, "activity": SEC, "routes": [{"app", "hosts", "idle",
 *           "maintenance", "blank", "web", "dynos": [{"name", "id", "address",
 *           "port", "state"}]}]}
 *      when N != REV, 204 when nothing changed within wait seconds
 *   POST /router/v1/activity {"apps": [NAME]}: these got requests
 *
 * After its start the controller first waits for the hosts' full reports, so
 * that a router does not take all dynos out because the controller restarted.
 */
#include "base/base.h"

struct controller;
struct http_request;

#define ROUTER_FEED_SETTLE_USEC (15 * USEC_PER_SEC)

/* Something that routers see has changed. */
void router_feed_changed(struct controller *c);

/* Answers a router that waits: a long_poll_fn. */
bool router_feed_answer(struct http_request *req, const char *key,
			uint64_t after, bool last, void *userdata);
