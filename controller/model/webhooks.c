/*
 * webhooks.c - checks, and the secrets that come and go with a doc.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "controller/access/vault.h"
#include "controller/engine.h"
#include "controller/model/change.h"
#include "controller/model/outcome.h"
#include "controller/model/webhooks.h"

#define SECRET_BYTES 32

static const char *const kinds[] = {
	"api:addon", "api:addon-attachment", "api:app", "api:domain", "api:dyno",
	"api:formation", "api:release",
};
static const char *const private_members[] = { "url", "secret", "authorization" };

const char *webhooks_kind(size_t i)
{
	return i < ARRAY_SIZE(kinds) ? kinds[i] : NULL;
}

static bool webhooks_kind_ok(const char *kind)
{
	for (size_t i = 0; kind && i < ARRAY_SIZE(kinds); i++)
		if (str_eq(kind, kinds[i]))
			return true;
	return false;
}

bool webhooks_includes(const json_t *hook, const char *kind)
{
	json_t *it;
	size_t i;

	json_array_foreach(json_object_get(hook, "include"), i, it)
		if (str_eq(json_string_value(it), kind))
			return true;
	return false;
}

/* ---- the doc ---- */

static int webhooks_open(struct engine *g, const struct doc *d, json_t **ret,
			 struct error *e)
{
	auto_json *secrets = NULL;
	int r = vault_open_json(g->vault, d->key, json_object_get(d->j, "private"),
				&secrets, e);

	if (r < 0)
		return r;
	*ret = json_copy(d->j);
	json_object_del(*ret, "private");
	json_object_update(*ret, secrets);
	return 0;
}

static void webhooks_put(struct change *c, const struct doc *app,
			 const json_t *hook)
{
	auto_json *doc = json_copy((json_t *)(uintptr_t)hook);
	json_t *secrets = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(private_members); i++) {
		json_object_set(secrets, private_members[i],
				json_object_get(hook, private_members[i]));
		json_object_del(doc, private_members[i]);
	}
	json_object_set_new(doc, "private", secrets);
	change_put_sealed(c, doc, "private", "/apps/%s/webhooks/%s",
			  json_str(app->j, "id"), json_str(hook, "id"));
	change_app(c, app);
}

int webhooks_list(struct engine *g, const char *app_id, json_t **ret,
		  struct error *e)
{
	auto_doc_list docs = DOC_LIST_INIT;
	auto_json *out = json_array();
	int r = doc_list(g->state, &docs, e, "/apps/%s/webhooks/", app_id);

	for (size_t i = 0; r == 0 && i < docs.n; i++) {
		json_t *hook = NULL;

		r = webhooks_open(g, &docs.v[i], &hook, e);
		if (r == 0)
			json_array_append_new(out, hook);
	}
	if (r == 0)
		*ret = take_ptr(out);
	return r;
}

int webhooks_find(struct engine *g, const char *app_id, const char *id,
		  json_t **ret, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = id_is_uuid(id) ? doc_get(g->state, &d, e, "/apps/%s/webhooks/%s",
					 app_id, id) : STATE_ABSENT;

	if (r == STATE_ABSENT)
		return outcome_set(e, OUTCOME_NOT_FOUND,
				   "Couldn't find that webhook (%.60s).", id);
	return r < 0 ? r : webhooks_open(g, &d, ret, e);
}

/* ---- what a user may ask for ---- */

static int webhooks_refuse_include(struct error *e)
{
	auto_buf names = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		buf_addf(&names, "%s%s", i ? ", " : "", kinds[i]);
	return outcome_set(e, OUTCOME_INVALID, "include must be a list of some of "
			   "these: %s.", buf_str(&names));
}

static int webhooks_check_include(const json_t *include, struct error *e)
{
	size_t i;
	json_t *it;

	if (json_array_size(include) < 1 ||
	    json_array_size(include) > ARRAY_SIZE(kinds))
		return webhooks_refuse_include(e);
	json_array_foreach(include, i, it)
		if (!webhooks_kind_ok(json_string_value(it)))
			return webhooks_refuse_include(e);
	return 0;
}

/* Printable ASCII: it ends in a request's head. */
static bool webhooks_text_ok(const json_t *text)
{
	const char *s = json_string_value(text);
	size_t n = s ? strlen(s) : 0;

	if (n < 1 || n > WEBHOOKS_TEXT_MAX || n != json_string_length(text))
		return false;
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			return false;
	return true;
}

static bool webhooks_url_ok(const json_t *url)
{
	const char *s = json_string_value(url), *host;

	if (!webhooks_text_ok(url) || strchr(s, ' '))
		return false;
	host = str_after(s, "https://");
	if (!host)
		host = str_after(s, "http://");
	return host && strcspn(host, "/?#") > 0;
}

static int webhooks_take_url(json_t *hook, const json_t *body, struct error *e)
{
	json_t *url = json_object_get(body, "url");

	if (url && !webhooks_url_ok(url))
		return outcome_set(e, OUTCOME_INVALID, "url must be an http or https "
				   "URL of at most %d characters.",
				   WEBHOOKS_TEXT_MAX);
	if (url)
		json_object_set(hook, "url", url);
	return 0;
}

/* null: a new secret is made up, or no header is sent. */
static int webhooks_take_text(json_t *hook, const json_t *body, const char *key,
			      struct error *e)
{
	json_t *text = json_object_get(body, key);

	if (text && !json_is_null(text) && !webhooks_text_ok(text))
		return outcome_set(e, OUTCOME_INVALID, "%s must be 1 to %d printable "
				   "characters.", key, WEBHOOKS_TEXT_MAX);
	if (text)
		json_object_set(hook, key, text);
	if (str_eq(key, "secret") && !json_str(hook, key)) {
		auto_free char *secret = id_secret(SECRET_BYTES);

		json_object_set_new(hook, key, json_string(secret));
	}
	return 0;
}

static int webhooks_take(json_t *hook, const json_t *body, struct error *e)
{
	json_t *include = json_object_get(body, "include");
	json_t *level = json_object_get(body, "level");
	const char *name = json_string_value(level);
	int r = include ? webhooks_check_include(include, e) : 0;

	if (r == 0 && level &&
	    (!name || (!str_eq(name, "notify") && !str_eq(name, "sync"))))
		r = outcome_set(e, OUTCOME_INVALID, "level must be notify or sync.");
	if (r == 0)
		r = webhooks_take_url(hook, body, e);
	if (r == 0)
		r = webhooks_take_text(hook, body, "secret", e);
	if (r == 0)
		r = webhooks_take_text(hook, body, "authorization", e);
	if (r != 0)
		return r;
	if (include)
		json_object_set_new(hook, "include", json_deep_copy(include));
	if (level)
		json_object_set(hook, "level", level);
	return 0;
}

static int webhooks_check_new(struct engine *g, const struct doc *app,
			      const json_t *body, struct error *e)
{
	static const char *const needed[] = { "include", "level", "url" };
	auto_doc_list docs = DOC_LIST_INIT;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!json_object_get(body, needed[i]))
			return outcome_set(e, OUTCOME_INVALID, "%s is required.",
					   needed[i]);
	r = doc_list(g->state, &docs, e, "/apps/%s/webhooks/",
		     json_str(app->j, "id"));
	if (r == 0 && docs.n >= WEBHOOKS_MAX)
		return outcome_set(e, OUTCOME_INVALID, "An app may have at most %d "
				   "webhooks.", WEBHOOKS_MAX);
	return r;
}

int webhooks_create(struct engine *g, const struct doc *app, const json_t *body,
		    json_t **ret, struct error *e)
{
	auto_json *hook = NULL;
	char id[UUID_TEXT_MAX];
	auto_change c = change_begin(g);
	int r = webhooks_check_new(g, app, body, e);

	if (r != 0)
		return r;
	hook = json_pack("{s:s, s:n, s:s, s:s}", "id", id_uuid(id), "authorization",
			 "created_at", c.now, "updated_at", c.now);
	r = webhooks_take(hook, body, e);
	if (r != 0)
		return r;
	webhooks_put(&c, app, hook);
	r = change_commit(&c, e);
	if (r == 0)
		*ret = take_ptr(hook);
	return r;
}

int webhooks_update(struct engine *g, const struct doc *app, json_t *hook,
		    const json_t *body, struct error *e)
{
	auto_change c = change_begin(g);
	int r = webhooks_take(hook, body, e);

	if (r != 0)
		return r;
	json_object_set_new(hook, "updated_at", json_string(c.now));
	webhooks_put(&c, app, hook);
	return change_commit(&c, e);
}

int webhooks_remove(struct engine *g, const struct doc *app, const json_t *hook,
		    struct error *e)
{
	auto_change c = change_begin(g);

	change_delete(&c, "/apps/%s/webhooks/%s", json_str(app->j, "id"),
		      json_str(hook, "id"));
	change_app(&c, app);
	return change_commit(&c, e);
}
