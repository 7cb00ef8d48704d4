#pragma once

/*
 * releases.h - slug + config vars = release; append-only, numbered from 1.
 *
 *   /apps/<app>/releases/<n>   {id, version, user: {id, email}, description, slug,
 *                              status, failure, gated, phase, output, ...}
 *   /apps/<app>/configs/<n>    {vars}	the config vars of release n, sealed
 *
 * (n in 8 digits.) A new release is recorded and becomes the current one in one
 * transaction; but it is pending if its slug has a release command, or if another
 * one is pending (release_phase.h). The newest release is the app's "version", the
 * one that runs its "current".
 *
 * A new one is made of what the last one in the queue has, or else the current one:
 * so two changes of config vars, one soon after the other, are both in the second
 * release. Failed releases are nobody's base.
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
	bool ungated;			/* its health is not watched */
	bool no_phase;			/* no release command: as after a change
					 * of addons */
};

/* Stage a release; app->j is changed (and put). *ret: its doc. */
int releases_stage(struct change *c, const struct doc *app,
		   const struct releases_new *spec, json_t **ret,
		   struct error *e);

/* Stage a release that changes config vars as told (config_vars.h) and nothing else,
 * without a release command: an addon has come, changed or gone. text: its
 * description and line. */
int releases_stage_patch(struct change *c, const struct doc *app,
			 const json_t *patch, const char *text, struct error *e);

/* All releases by version. A new reference. */
int releases_list(struct engine *g, const char *app_id, json_t **ret,
		  struct error *e);

/* The version that a new release is made of, and whose config is the app's. */
int64_t releases_base(const json_t *app);

/* By "current", version ("7", "v7") or UUID. OUTCOME_NO_RELEASE. */
int releases_find(struct engine *g, const json_t *app, const char *which,
		  json_t **ret, struct error *e);

/* The doc of a slug that has been uploaded: OUTCOME_NO_SLUG, OUTCOME_INVALID. */
int releases_slug(struct engine *g, const char *id, json_t **ret, struct error *e);

/* The config vars of a release; OUTCOME_INVALID if it has expired. A new reference. */
int releases_config(struct engine *g, const char *app_id, int64_t version,
		    json_t **ret, struct error *e);

/* Release a slug. description may be NULL; OUTCOME_INVALID if it is no line of at most
 * RELEASES_DESCRIPTION_MAX bytes. */
int releases_deploy(struct engine *g, const struct doc *app,
		    const char *slug_id, const char *description,
		    json_t **ret, struct error *e);

/* A new release with slug and config vars of an old one (by UUID or version). */
int releases_rollback(struct engine *g, const struct doc *app,
		      const char *which, json_t **ret, struct error *e);

/* The same behind a line that tells why: nobody has asked for it. */
int releases_go_back(struct engine *g, const struct doc *app, const char *which,
		     const char *why, struct error *e);

/* Change config vars; *ret_vars is the whole new config. No release when
 * nothing changes. */
int releases_set_config(struct engine *g, const struct doc *app,
			const json_t *patch, json_t **ret_vars,
			struct error *e);
