#pragma once

/*
 * apps.h - apps by id and by name.
 *
 *   /apps/<id>          {id, name, owner: account, created_at, updated_at, released_at, version,
 *                        slug, slug_size, maintenance, stack, build_stack}
 *   /app-names/<name>   {id}
 */
#include "controller/state/doc.h"

struct engine;
struct error;

#define APPS_STACK "host"	/* the one stack there is */
#define APPS_REGION "local"	/* and the one region */

/* OUTCOME_NO_APP in its words: the same for unknown and foreign apps. */
int apps_absent(struct error *e);

/* By UUID or name; OUTCOME_NO_APP. */
int apps_find(struct engine *g, const char *which, struct doc *ret,
	      struct error *e);

/* All, by name. A new reference. */
int apps_list(struct engine *g, json_t **ret, struct error *e);

/* The account that owns an app; the default one where none is noted. */
const char *apps_owner(const struct engine *g, const json_t *app);

/* All may be NULL: a made up name, the region, the stack. Region and stack are names
 * or ids. */
struct apps_new {
	const char *name, *region, *stack;
};

/* It belongs to engine_by(). Makes v1 and v2, as Heroku does. */
int apps_create(struct engine *g, const struct apps_new *spec, struct doc *ret,
		struct error *e);

/* Body members: maintenance (boolean), name, build_stack. app is changed. */
int apps_update(struct engine *g, struct doc *app, const json_t *body,
		struct error *e);

/* Ends all its dynos and forgets everything of it. */
int apps_destroy(struct engine *g, const struct doc *app, struct error *e);
