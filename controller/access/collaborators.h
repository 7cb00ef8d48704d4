#pragma once

/*
 * collaborators.h - who may use an app: its owner, those whom the owner has
 * added, and admins. For everybody else it does not exist.
 *
 *   /apps/<app>/collaborators/<account>   {id, account, created_at, updated_at}
 */
#include "controller/access/principal.h"
#include "controller/state/doc.h"

struct engine;
struct error;

#define COLLABORATORS_MAX 200		/* of an app */

/* 0; OUTCOME_NO_APP, in the words for an app that is not there. */
int collaborators_check(struct engine *g, const struct principal *p,
			const json_t *app, struct error *e);

/* Whether it may do what is the owner's: destroy, rename, share. */
bool collaborators_is_owner(struct engine *g, const struct principal *p,
			    const json_t *app);

/* Whether it may use a slug in this app: the slug is the app's, or of another
 * app that it may use, or comes with a release of this app. 0, or
 * OUTCOME_NO_SLUG, in the words for one that is not there. */
int collaborators_check_slug(struct engine *g, const struct principal *p,
			     const json_t *app, const json_t *slug,
			     struct error *e);
