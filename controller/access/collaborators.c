/*
 * collaborators.c - the one place that decides about apps.
 */
#include "base/error.h"
#include "controller/access/accounts.h"
#include "controller/access/collaborators.h"
#include "controller/engine.h"
#include "controller/model/apps.h"
#include "controller/model/change.h"
#include "controller/model/outcome.h"
#include "controller/model/releases.h"

#include <strings.h>

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

/* ---- the list ---- */

static int collaborators_order(const void *a, const void *b)
{
	const struct doc *x = a, *y = b;
	const char *s = json_str(x->j, "created_at");
	const char *t = json_str(y->j, "created_at");

	return strcmp(s ? s : "", t ? t : "");
}

int collaborators_list(struct engine *g, const json_t *app, json_t **ret,
		       struct error *e)
{
	auto_doc_list all = DOC_LIST_INIT;
	int r = doc_list(g->state, &all, e, "/apps/%s/collaborators/",
			 json_str(app, "id"));

	if (r != 0)
		return r;
	qsort(all.v, all.n, sizeof(*all.v), collaborators_order);
	*ret = json_array();
	for (size_t i = 0; i < all.n; i++)
		json_array_append(*ret, all.v[i].j);
	return 0;
}

static int collaborators_room(struct engine *g, const json_t *app,
			      const char *account, struct error *e)
{
	auto_json *all = NULL;
	json_t *one;
	size_t i;
	int r;

	if (str_eq(apps_owner(g, app), account))
		return outcome_set(e, OUTCOME_INVALID,
				   "The owner has access already.");
	r = collaborators_list(g, app, &all, e);
	if (r != 0)
		return r;
	json_array_foreach(all, i, one)
		if (str_eq(json_str(one, "account"), account))
			return outcome_set(e, OUTCOME_INVALID,
					   "User is already a collaborator on app.");
	if (i >= COLLABORATORS_MAX)
		return outcome_set(e, OUTCOME_INVALID, "An app has at most %d "
				   "collaborators.", COLLABORATORS_MAX);
	return 0;
}

int collaborators_add(struct engine *g, const struct doc *app,
		      const char *which, struct doc *ret, struct error *e)
{
	auto_doc account = DOC_INIT, made = DOC_INIT;
	auto_change c = change_begin(g);
	char id[UUID_TEXT_MAX], email[PRINCIPAL_EMAIL_MAX];
	const char *account_id;
	int r = accounts_find(g, which, &account, e);

	if (r != 0)
		return r;
	account_id = json_str(account.j, "id");
	r = collaborators_room(g, app->j, account_id, e);
	if (r != 0)
		return r;
	made.key = xasprintf("/apps/%s/collaborators/%s", json_str(app->j, "id"),
			     account_id);
	made.j = json_pack("{s:s, s:s, s:s, s:s}", "id", id_uuid(id),
			   "account", account_id, "created_at", c.now,
			   "updated_at", c.now);
	change_expect(&c, app);
	change_expect(&c, &account);
	change_put(&c, made.j, "%s", made.key);
	change_say(&c, json_str(app->j, "id"), "Add collaborator %s by user %s",
		   accounts_email(g, account_id, email), engine_by(g)->email);
	r = change_commit(&c, e);
	if (r != 0)
		return r;
	*ret = made;
	made = DOC_INIT;
	return 0;
}

static bool collaborators_is(struct engine *g, const json_t *one,
			     const char *which)
{
	const char *account = json_str(one, "account");
	char email[PRINCIPAL_EMAIL_MAX];

	return str_eq(json_str(one, "id"), which) || str_eq(account, which) ||
	       strcasecmp(accounts_email(g, account, email), which) == 0;
}

int collaborators_find(struct engine *g, const json_t *app, const char *which,
		       struct doc *ret, struct error *e)
{
	auto_doc_list all = DOC_LIST_INIT;
	int r = doc_list(g->state, &all, e, "/apps/%s/collaborators/",
			 json_str(app, "id"));

	for (size_t i = 0; r == 0 && i < all.n; i++) {
		if (!collaborators_is(g, all.v[i].j, which))
			continue;
		*ret = all.v[i];
		all.v[i] = DOC_INIT;
		return 0;
	}
	return r < 0 ? r : outcome_set(e, OUTCOME_NO_COLLABORATOR,
				       "Couldn't find that collaborator (%.100s).",
				       which);
}

int collaborators_remove(struct engine *g, const struct doc *app,
			 const struct doc *collaborator, struct error *e)
{
	const char *account = json_str(collaborator->j, "account");
	auto_change c = change_begin(g);
	char email[PRINCIPAL_EMAIL_MAX];

	change_expect(&c, collaborator);
	change_delete(&c, "%s", collaborator->key);
	change_say(&c, json_str(app->j, "id"),
		   "Remove collaborator %s by user %s",
		   accounts_email(g, account, email), engine_by(g)->email);
	return change_commit(&c, e);
}

/* ---- slugs ---- */

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
