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

/* {id, account, created_at, updated_at}, by the time they came; without the
 * owner. A new reference. */
int collaborators_list(struct engine *g, const json_t *app, json_t **ret,
		       struct error *e);

/* By email or account id; OUTCOME_NO_ACCOUNT there is none, OUTCOME_INVALID it is
 * the owner or one already. */
int collaborators_add(struct engine *g, const struct doc *app,
		      const char *which, struct doc *ret, struct error *e);

/* By email, account id or id. OUTCOME_NO_COLLABORATOR. */
int collaborators_find(struct engine *g, const json_t *app, const char *which,
		       struct doc *ret, struct error *e);

int collaborators_remove(struct engine *g, const struct doc *app,
			 const struct doc *collaborator, struct error *e);

/* Whether it may use a slug in this app: the slug is the app's, or of another
 * app that it may use, or comes with a release of this app. 0, or
 * OUTCOME_NO_SLUG, in the words for one that is not there. */
int collaborators_check_slug(struct engine *g, const struct principal *p,
			     const json_t *app, const json_t *slug,
			     struct error *e);
