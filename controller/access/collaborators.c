/*
 * collaborators.c - the one place that decides about apps.
 */
#include "base/error.h"
#include "controller/access/collaborators.h"
#include "controller/engine.h"
#include "controller/model/apps.h"
#include "controller/model/outcome.h"
#include "controller/model/releases.h"

bool collaborators_is_owner(struct engine *g, const struct principal *p,
			    const json_t *app)
{
	return principal_is_admin(p) ||
	       (principal_is_user(p) && str_eq(apps_owner(g, app), p->id));
}

/* 1 = may, 0 = may not, < 0 */
static int collaborators_may(struct engine *g, const struct principal *p,
			     const json_t *app, struct error *e)
{
	auto_free char *key = NULL;
	int r;

	if (collaborators_is_owner(g, p, app))
		return 1;
	if (!principal_is_user(p))
		return 0;
	key = xasprintf("/apps/%s/collaborators/%s", json_str(app, "id"), p->id);
	r = state_get(g->state, key, NULL, NULL, e);
	return r < 0 ? r : r == 0;
}

int collaborators_check(struct engine *g, const struct principal *p,
			const json_t *app, struct error *e)
{
	int r = collaborators_may(g, p, app, e);

	return r == 0 ? apps_absent(e) : r < 0 ? r : 0;
}

/* 1 = it is that of a release, 0 = of none, < 0 */
static int collaborators_released(struct engine *g, const json_t *app,
				  const char *slug, struct error *e)
{
	auto_json *all = NULL;
	json_t *release;
	size_t i;
	int r = releases_list(g, json_str(app, "id"), &all, e);

	if (r != 0)
		return r;
	json_array_foreach(all, i, release) {
		const char *its = json_str(release, "slug");

		if (its && str_eq(its, slug))
			return 1;
	}
	return 0;
}

int collaborators_check_slug(struct engine *g, const struct principal *p,
			     const json_t *app, const json_t *slug,
			     struct error *e)
{
	const char *home = json_str(slug, "app"), *id = json_str(slug, "id");
	auto_doc other = DOC_INIT;
	int r = STATE_ABSENT, may = 0;

	if (principal_is_admin(p) || str_eq(home, json_str(app, "id")))
		return 0;
	r = doc_get(g->state, &other, e, "/apps/%s", home);
	if (r == 0)
		may = collaborators_may(g, p, other.j, e);
	if (r >= 0 && may == 0)
		may = collaborators_released(g, app, id, e);
	if (r < 0 || may < 0)
		return r < 0 ? r : may;
	return may ? 0 : outcome_set(e, OUTCOME_NO_SLUG,
				     "Couldn't find that slug (%.60s).", id);
}
