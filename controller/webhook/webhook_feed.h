#pragma once

/*
 * webhook_feed.h - notices that an app has changed, finds out what, and hands it to
 * those who want to be told.
 *
 * Only apps with webhooks are looked at, a moment after a change: what has changed
 * in the meantime is one event. Reports of dynos count as changes, too.
 *
 * How an app was then is kept: what has changed while no controller ran is told when
 * one does. Who did it is not known any more then: it is the default account.
 */
#include "http/json.h"

#include <systemd/sd-event.h>

struct drain_networks;
struct engine;
struct error;
struct webhook_feed;

struct webhook_feed_spec {
	const char *dir;		/* for the file of what waits */
	char *const *base;		/* the API's address in what is sent, NULL until
					 * start; borrowed */
	const struct drain_networks *networks;	/* where receivers may be; borrowed */
};

int webhook_feed_new(struct webhook_feed **ret, sd_event *event, struct engine *g,
		     const struct webhook_feed_spec *spec, struct error *e);
struct webhook_feed *webhook_feed_free(struct webhook_feed *f);
DEFINE_AUTO(struct webhook_feed, webhook_feed_free)

/* Find the webhooks that there are, and go on with what they have to be told. */
int webhook_feed_start(struct webhook_feed *f, struct error *e);

/* A key of the state was written: "/apps/<id>/...". By whom: engine_by(). */
void webhook_feed_key(struct webhook_feed *f, const char *key);
/* Look now: what follows is compared with what is now. */
void webhook_feed_look(struct webhook_feed *f, const char *app_id);
/* The hosts have told something. */
void webhook_feed_live(struct webhook_feed *f);

/* What the API shows, oldest first. New arrays. */
json_t *webhook_feed_events(const struct webhook_feed *f, const char *app_id);
json_t *webhook_feed_deliveries(const struct webhook_feed *f, const char *app_id);
/* Deliveries of a webhook that were dropped since too many waited. */
uint64_t webhook_feed_dropped(const struct webhook_feed *f, const char *hook_id);
