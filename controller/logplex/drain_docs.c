/*
 * drain_docs.c - a URL is checked before it gets here, and sealed after.
 */
#include "base/error.h"
#include "controller/access/vault.h"
#include "controller/engine.h"
#include "controller/logplex/drain_docs.h"
#include "controller/logplex/drain_networks.h"
#include "controller/logplex/drain_url.h"
#include "controller/logplex/logs.h"
#include "controller/model/change.h"
#include "controller/model/outcome.h"

static int drain_docs_open(struct engine *g, struct doc *d, struct error *e)
{
	json_t *url = NULL;
	int r = vault_open_json(g->vault, d->key, json_object_get(d->j, "url"), &url,
				e);

	if (r < 0)
		return r;
	json_object_set_new(d->j, "url", url);
	if (!json_is_string(url) || !json_str(d->j, "id") || !json_str(d->j, "token"))
		return error_set(e, EILSEQ, "state key %s: incomplete", d->key);
	return 0;
}

int drain_docs_list(struct engine *g, const char *app_id, struct doc_list *ret,
		    struct error *e)
{
	auto_doc_list docs = DOC_LIST_INIT;
	int r = doc_list(g->state, &docs, e, "/apps/%s/drains/", app_id);

	for (size_t i = 0; r == 0 && i < docs.n; i++)
		r = drain_docs_open(g, &docs.v[i], e);
	if (r < 0)
		return r;
	*ret = docs;
	docs = DOC_LIST_INIT;
	return 0;
}

static bool drain_docs_is(const struct doc *d, const char *which)
{
	static const char *const names[] = { "id", "token", "url" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(json_str(d->j, names[i]), which))
			return true;
	return false;
}

int drain_docs_find(struct engine *g, const char *app_id, const char *which,
		    struct doc *ret, struct error *e)
{
	auto_doc_list docs = DOC_LIST_INIT;
	int r = drain_docs_list(g, app_id, &docs, e);

	for (size_t i = 0; r == 0 && i < docs.n; i++) {
		if (!drain_docs_is(&docs.v[i], which))
			continue;
		*ret = docs.v[i];
		docs.v[i] = DOC_INIT;
		return 0;
	}
	if (r < 0)
		return r;
	return outcome_set(e, OUTCOME_NO_DRAIN, "Couldn't find that log drain (%.200s).",
			   which);
}

static int drain_docs_check(const char *url, const struct drain_networks *networks,
			    struct error *e)
{
	struct drain_url u = DRAIN_URL_INIT;
	struct error why;
	int r = drain_url_parse(&u, url, &why);
	bool allowed = r == 0 && drain_networks_allow_host(networks, u.host);

	drain_url_deinit(&u);
	if (r < 0)
		return outcome_set(e, OUTCOME_INVALID, "Invalid drain destination: "
				   "%.300s.", why.msg);
	if (!allowed)
		return outcome_set(e, OUTCOME_INVALID, "Invalid drain destination: "
				   "drains may not reach this address.");
	return 0;
}

/* Whether it is new among the app's; except: the id of the one that gets it. */
static int drain_docs_room(struct engine *g, const char *app_id, const char *url,
			   const char *except, struct error *e)
{
	auto_doc_list docs = DOC_LIST_INIT;
	int r = drain_docs_list(g, app_id, &docs, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < docs.n; i++)
		if (str_eq(json_str(docs.v[i].j, "url"), url) &&
		    !str_eq(json_str(docs.v[i].j, "id"), except))
			return outcome_set(e, OUTCOME_CONFLICT, "Already exists");
	if (!*except && docs.n >= DRAIN_DOCS_MAX)
		return outcome_set(e, OUTCOME_INVALID, "This app has %d log drains "
				   "already, which is the limit.", DRAIN_DOCS_MAX);
	return 0;
}

static int drain_docs_put(struct change *c, const struct doc *app, const json_t *j,
			  struct error *e)
{
	/* Its revision stands for all that it has: see drain_docs_room(). */
	change_expect(c, app);
	change_put_sealed(c, j, "url", "%s/drains/%s", app->key, json_str(j, "id"));
	return change_commit(c, e);
}

int drain_docs_add(struct engine *g, const struct doc *app, const char *url,
		   const struct drain_networks *networks, json_t **ret,
		   struct error *e)
{
	const char *app_id = json_str(app->j, "id");
	auto_change c = change_begin(g);
	char id[UUID_TEXT_MAX], token[UUID_TEXT_MAX];
	auto_free char *name = NULL;
	auto_json *j = NULL;
	uint64_t newest;
	int r = drain_docs_check(url, networks, e);

	if (r == 0)
		r = drain_docs_room(g, app_id, url, "", e);
	if (r == 0)
		r = log_store_newest(logs_store(g->logs), app_id, &newest, e);
	if (r != 0)
		return r;
	name = xasprintf("d.%s", id_uuid(token));
	j = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "id", id_uuid(id),
		      "token", name, "url", url, "after", (json_int_t)newest,
		      "created_at", c.now, "updated_at", c.now);
	r = drain_docs_put(&c, app, j, e);
	if (r == 0)
		*ret = take_ptr(j);
	return r;
}

int drain_docs_set_url(struct engine *g, const struct doc *app, struct doc *d,
		       const char *url, const struct drain_networks *networks,
		       struct error *e)
{
	auto_change c = change_begin(g);
	int r = drain_docs_check(url, networks, e);

	if (r == 0)
		r = drain_docs_room(g, json_str(app->j, "id"), url,
				    json_str(d->j, "id"), e);
	if (r != 0)
		return r;
	json_object_set_new(d->j, "url", json_string(url));
	json_object_set_new(d->j, "updated_at", json_string(c.now));
	change_expect(&c, d);
	return drain_docs_put(&c, app, d->j, e);
}

int drain_docs_remove(struct engine *g, const struct doc *d, struct error *e)
{
	auto_change c = change_begin(g);

	change_expect(&c, d);
	change_delete(&c, "%s", d->key);
	return change_commit(&c, e);
}
