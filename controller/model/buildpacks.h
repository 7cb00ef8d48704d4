#pragma once

/*
 * buildpacks.h - the buildpacks that the owner of an app has named, in order.
 *
 *   /apps/<app>/buildpacks   {urls}
 *
 * Kept for those who build slugs; nothing here builds.
 */
#include "controller/state/doc.h"

struct engine;
struct error;

#define BUILDPACKS_MAX 20
#define BUILDPACKS_URL_MAX 2048

/* The URLs; a new reference. */
int buildpacks_list(struct engine *g, const char *app_id, json_t **ret,
		    struct error *e);

/* All of them at once: strings. */
int buildpacks_set(struct engine *g, const struct doc *app, const json_t *urls,
		   struct error *e);
