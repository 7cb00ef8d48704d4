#pragma once

/*
 * releases.h - slug + config vars = release; append-only, numbered from 1.
 *
 *   /apps/<app>/releases/<n>   {id, version, user: {id, email}, description, slug,
 *                              status, ...}
 *   /apps/<app>/configs/<n>    {vars}	the config vars of release n
 *
 * (n in 8 digits.) A new release is recorded, the formation follows its slug
 * and all formation dynos are replaced, in one transaction.
 */
#include "controller/model/change.h"

struct engine;
struct error;

#define RELEASES_DESCRIPTION_MAX 1000

struct releases_new {
	const json_t *slug;		/* doc; NULL: none */
	const json_t *vars;
	const char *description;
	const char *line;		/* said before "Release vN created" */
};

/* Stage a release; app->j is changed (and put). *ret: its doc. */
int releases_stage(struct change *c, const struct doc *app,
		   const struct releases_new *spec, json_t **ret,
		   struct error *e);

/* All releases by version. A new reference. */
int releases_list(struct engine *g, const char *app_id, json_t **ret,
		  struct error *e);

/* By "current", version ("7", "v7") or UUID. OUTCOME_NO_RELEASE. */
int releases_find(struct engine *g, const json_t *app, const char *which,
		  json_t **ret, struct error *e);

/* The config vars of a release. A new reference. */
int releases_config(struct engine *g, const char *app_id, int64_t version,
		    json_t **ret, struct error *e);

/* Release a slug. description may be NULL. */
int releases_deploy(struct engine *g, const struct doc *app,
		    const char *slug_id, const char *description,
		    json_t **ret, struct error *e);

/* A new release with slug and config vars of an old one (by UUID or version). */
int releases_rollback(struct engine *g, const struct doc *app,
		      const char *which, json_t **ret, struct error *e);

/* Change config vars; *ret_vars is the whole new config. No release when
 * nothing changes. */
int releases_set_config(struct engine *g, const struct doc *app,
			const json_t *patch, json_t **ret_vars,
			struct error *e);
