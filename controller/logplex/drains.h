#pragma once

/*
 * drains.h - all drains of this controller: they follow what the state says, and go
 * on after a restart where they were.
 */
#include "http/json.h"

#include <systemd/sd-event.h>

struct drain_networks;
struct drains;
struct engine;
struct error;

/* dir: <root>/var/lib/dyno/controller. The engine lives longer. */
int drains_new(struct drains **ret, sd_event *event, struct engine *g,
	       const char *dir, struct error *e);
/* Saves how far they are. */
struct drains *drains_free(struct drains *d);
DEFINE_AUTO(struct drains, drains_free)

/* Which addresses they may reach. Borrowed. */
const struct drain_networks *drains_networks(const struct drains *d);

/* An array of what drain_stats() says about those of the app. A new reference. */
json_t *drains_stats(const struct drains *d, const char *app_id);
