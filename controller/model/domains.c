/*
 * domains.c - a domain is in two places: below its app, and among all names.
 */
#include "base/error.h"
#include "base/id.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/apps.h"
#include "controller/model/domain_name.h"
#include "controller/model/domains.h"
#include "controller/model/outcome.h"

int domains_list(struct engine *g, const char *app_id, struct doc_list *ret,
		 struct error *e)
{
	return doc_list(g->state, ret, e, "/apps/%s/domains/", app_id);
}

static int domains_by_name(struct engine *g, const char *app_id, const char *name,
			   struct doc *ret, struct error *e)
{
	auto_doc index = DOC_INIT;
	auto_free char *ascii = NULL;
	int r;

	if (domain_name_make(name, "", &ascii, NULL) != 0)
		return STATE_ABSENT;
	r = doc_get(g->state, &index, e, "/domain-names/%s", ascii);
	if (r == 0 && !str_eq(json_str(index.j, "app"), app_id))
		return STATE_ABSENT;
	return r ? r : doc_get(g->state, ret, e, "/apps/%s/domains/%s", app_id,
			       json_str(index.j, "id"));
}

int domains_find(struct engine *g, const char *app_id, const char *which,
		 struct doc *ret, struct error *e)
{
	int r = id_is_uuid(which) ?
		doc_get(g->state, ret, e, "/apps/%s/domains/%s", app_id, which) :
		domains_by_name(g, app_id, which, ret, e);

	if (r == STATE_ABSENT)
		return outcome_set(e, OUTCOME_NOT_FOUND,
				   "Couldn't find that domain name (%.200s).", which);
	return r;
}

/* Who has "*.x.y" has what is below it: others do not get in between. */
static int domains_check_above(struct engine *g, const json_t *app,
			       const char *hostname, struct error *e)
{
	const char *rest = strchr(hostname, '.');
	auto_doc index = DOC_INIT, other = DOC_INIT;
	int r = doc_get(g->state, &index, e, "/domain-names/*%s", rest);

	if (r == 0)
		r = doc_get(g->state, &other, e, "/apps/%s", json_str(index.j, "app"));
	if (r == 0 && !str_eq(apps_owner(g, app), apps_owner(g, other.j)))
		return outcome_set(e, OUTCOME_INVALID, "%s is currently in use by "
				   "another app: as *%s.", hostname, rest);
	return r < 0 ? r : 0;
}

static int domains_check_free(struct engine *g, const char *app_id,
			      const char *hostname, struct error *e)
{
	auto_doc index = DOC_INIT;
	int r = doc_get(g->state, &index, e, "/domain-names/%s", hostname);

	if (r < 0)
		return r;
	if (r == STATE_ABSENT)
		return 0;
	if (str_eq(json_str(index.j, "app"), app_id))
		return outcome_set(e, OUTCOME_INVALID,
				   "Domain already added to this app.");
	return outcome_set(e, OUTCOME_INVALID,
			   "%s is currently in use by another app.", hostname);
}

static int domains_check(struct engine *g, const json_t *app,
			 const char *hostname, struct error *e)
{
	const char *app_id = json_str(app, "id");
	auto_doc_list all = DOC_LIST_INIT;
	int r = domains_check_free(g, app_id, hostname, e);

	if (r == 0)
		r = domains_check_above(g, app, hostname, e);
	if (r == 0)
		r = domains_list(g, app_id, &all, e);
	if (r == 0 && all.n >= DOMAINS_MAX)
		return outcome_set(e, OUTCOME_INVALID, "An app may have at most %d "
				   "domains.", DOMAINS_MAX);
	return r;
}

int domains_add(struct engine *g, const struct doc *app, const char *hostname,
		json_t **ret, struct error *e)
{
	const char *app_id = json_str(app->j, "id");
	auto_json *doc = NULL, *index = NULL;
	auto_free char *name = NULL;
	char id[UUID_TEXT_MAX];
	auto_change c = change_begin(g);
	int r = domain_name_make(hostname, g->conf->domain, &name, e);

	if (r == 0)
		r = domains_check(g, app->j, name, e);
	if (r != 0)
		return r;
	doc = json_pack("{s:s, s:s, s:s, s:s}", "id", id_uuid(id), "hostname", name,
			"created_at", c.now, "updated_at", c.now);
	index = json_pack("{s:s, s:s}", "app", app_id, "id", id);
	change_expect_absent(&c, "/domain-names/%s", name);
	change_put(&c, index, "/domain-names/%s", name);
	change_put(&c, doc, "/apps/%s/domains/%s", app_id, id);
	change_app(&c, app);
	change_say(&c, app_id, "Add domain %s by user %s", name,
		   engine_by(g)->email);
	r = change_commit(&c, e);
	if (r == 0)
		*ret = take_ptr(doc);
	return r;
}

int domains_remove(struct engine *g, const struct doc *app,
		   const struct doc *domain, struct error *e)
{
	const char *name = json_str(domain->j, "hostname");
	auto_change c = change_begin(g);

	change_expect(&c, domain);
	change_delete(&c, "%s", domain->key);
	change_delete(&c, "/domain-names/%s", name);
	change_app(&c, app);
	change_say(&c, json_str(app->j, "id"), "Remove domain %s by user %s", name,
		   engine_by(g)->email);
	return change_commit(&c, e);
}

int domains_forget(struct change *c, const char *app_id, struct error *e)
{
	auto_doc_list all = DOC_LIST_INIT;
	int r = domains_list(c->g, app_id, &all, e);

	for (size_t i = 0; i < all.n; i++)
		change_delete(c, "/domain-names/%s",
			      json_str(all.v[i].j, "hostname"));
	return r;
}
