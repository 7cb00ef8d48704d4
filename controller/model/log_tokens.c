/*
 * log_tokens.c - one per app and source, and the way back.
 */
#include "base/error.h"
#include "controller/engine.h"
#include "controller/model/change.h"
#include "controller/model/log_tokens.h"
#include "controller/model/outcome.h"

bool log_tokens_is_source(const char *source)
{
	return str_eq(source, "app") || str_eq(source, "heroku");
}

static int log_tokens_make(struct engine *g, const struct doc *app,
			   const char *source, const struct doc *old, json_t **ret,
			   struct error *e)
{
	auto_change c = change_begin(g);
	char id[UUID_TEXT_MAX], uuid[UUID_TEXT_MAX];
	auto_free char *token = xasprintf("t.%s", id_uuid(uuid));
	const char *app_id = json_str(app->j, "id");
	auto_json *j = json_pack("{s:s, s:s, s:s, s:s}", "id", id_uuid(id),
				 "source", source, "token", token,
				 "created_at", c.now);
	auto_json *back = json_pack("{s:s, s:s}", "app", app_id, "source", source);
	int r;

	if (old->j) {
		change_expect(&c, old);
		change_delete(&c, "/log-tokens/%s", json_str(old->j, "token"));
	} else {
		change_expect_absent(&c, "/apps/%s/log-tokens/%s", app_id, source);
	}
	change_put(&c, j, "/apps/%s/log-tokens/%s", app_id, source);
	change_put(&c, back, "/log-tokens/%s", token);
	r = change_commit(&c, e);
	if (r == 0)
		*ret = json_incref(j);
	return r;
}

int log_tokens_get(struct engine *g, const struct doc *app, const char *source,
		   bool renew, json_t **ret, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r;

	if (!log_tokens_is_source(source))
		return outcome_set(e, OUTCOME_INVALID,
				   "source: \"%.40s\" is neither app nor heroku.",
				   source);
	r = doc_get(g->state, &d, e, "/apps/%s/log-tokens/%s",
		    json_str(app->j, "id"), source);
	if (r < 0)
		return r;
	if (d.j && !renew) {
		*ret = json_incref(d.j);
		return 0;
	}
	return log_tokens_make(g, app, source, &d, ret, e);
}

int log_tokens_find(struct engine *g, const char *token, struct doc *ret,
		    struct error *e)
{
	const char *uuid = str_after(token, "t.");
	int r = STATE_ABSENT;

	if (uuid && id_is_uuid(uuid))
		r = doc_get(g->state, ret, e, "/log-tokens/%s", token);
	if (r == STATE_ABSENT)
		return outcome_set(e, OUTCOME_UNAUTHORIZED,
				   "This is no token for a log.");
	return r;
}

int log_tokens_forget(struct change *c, const char *app, struct error *e)
{
	auto_doc_list all = DOC_LIST_INIT;
	int r = doc_list(c->g->state, &all, e, "/apps/%s/log-tokens/", app);

	for (size_t i = 0; r == 0 && i < all.n; i++)
		change_delete(c, "/log-tokens/%s", json_str(all.v[i].j, "token"));
	return r;
}
