/*
 * addons.c - what is kept of external resources.
 */
#include "base/error.h"
#include "controller/access/vault.h"
#include "controller/engine.h"
#include "controller/model/addon_values.h"
#include "controller/model/addons.h"
#include "controller/model/names.h"
#include "controller/model/outcome.h"
#include "controller/model/releases.h"

#include <stdio.h>

#define LOWER_DIGIT "abcdefghijklmnopqrstuvwxyz0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* ---- reading ---- */

static int addons_open(struct engine *g, const struct doc *d,
		       const struct doc_list *attachments, json_t **ret,
		       struct error *e)
{
	auto_json *values = NULL;
	json_t *mine;
	int r = vault_open_json(g->vault, d->key, json_object_get(d->j, "values"),
				&values, e);

	if (r < 0)
		return r;
	*ret = json_copy(d->j);
	json_object_set(*ret, "values", values);
	mine = json_array();
	json_object_set_new(*ret, "attachments", mine);
	for (size_t i = 0; i < attachments->n; i++)
		if (str_eq(json_str(attachments->v[i].j, "addon"), doc_name(d)))
			json_array_append(mine, attachments->v[i].j);
	return 0;
}

int addons_list(struct engine *g, const char *app_id, json_t **ret,
		struct error *e)
{
	auto_doc_list addons = DOC_LIST_INIT, attachments = DOC_LIST_INIT;
	auto_json *out = json_array();
	int r = doc_list(g->state, &addons, e, "/apps/%s/addons/", app_id);

	if (r == 0)
		r = doc_list(g->state, &attachments, e, "/apps/%s/attachments/",
			     app_id);
	for (size_t i = 0; r == 0 && i < addons.n; i++) {
		json_t *addon = NULL;

		r = addons_open(g, &addons.v[i], &attachments, &addon, e);
		if (r == 0)
			json_array_append_new(out, addon);
	}
	if (r == 0)
		*ret = take_ptr(out);
	return r;
}

static int addons_absent(const char *which, struct error *e)
{
	return outcome_set(e, OUTCOME_NOT_FOUND, "Couldn't find that add-on (%.60s).",
			   which);
}

int addons_find(struct engine *g, const char *app_id, const char *which,
		json_t **ret, struct error *e)
{
	auto_json *all = NULL;
	json_t *it;
	size_t i;
	int r = addons_list(g, app_id, &all, e);

	if (r < 0)
		return r;
	json_array_foreach(all, i, it)
		if (str_eq(json_str(it, "id"), which) ||
		    str_eq(json_str(it, "name"), which)) {
			*ret = json_incref(it);
			return 0;
		}
	return addons_absent(which, e);
}

int addons_locate(struct engine *g, const char *which, struct doc *ret_app,
		  char ret_addon[UUID_TEXT_MAX], struct error *e)
{
	auto_doc index = DOC_INIT;
	int r = STATE_ABSENT;

	if (strlen(which) <= ADDONS_NAME_MAX && !strchr(which, '/'))
		r = doc_get(g->state, &index, e, "/addon-index/%s", which);
	if (r == 0)
		r = doc_get(g->state, ret_app, e, "/apps/%s",
			    json_str(index.j, "app"));
	if (r == 0)
		snprintf(ret_addon, UUID_TEXT_MAX, "%s", json_str(index.j, "addon"));
	return r == STATE_ABSENT ? addons_absent(which, e) : r;
}

const json_t *addons_attachment(const json_t *addon, const char *which)
{
	json_t *it;
	size_t i;

	json_array_foreach(json_object_get(addon, "attachments"), i, it)
		if (str_eq(json_str(it, "id"), which) ||
		    str_eq(json_str(it, "name"), which))
			return it;
	return NULL;
}

json_t *addons_vars(const json_t *addon)
{
	json_t *out = json_array(), *it, *value;
	const char *key;
	size_t i;

	json_array_foreach(json_object_get(addon, "attachments"), i, it)
		json_object_foreach(json_object_get(addon, "values"), key, value) {
			auto_free char *var = addon_values_var(json_str(it, "name"),
							       key);

			json_array_append_new(out, json_string(var));
		}
	return out;
}

/* ---- names ---- */

static bool addons_word_ok(const char *s, size_t n)
{
	return n >= 1 && n <= ADDONS_NAME_MAX / 2 && strspn(s, LOWER_DIGIT "-") >= n &&
	       *s != '-';
}

static int addons_check_plan(const char *plan, struct error *e)
{
	size_t n = plan ? strcspn(plan, ":") : 0;

	if (!plan || !addons_word_ok(plan, n) || (*plan >= '0' && *plan <= '9') ||
	    (plan[n] && !addons_word_ok(plan + n + 1, strlen(plan + n + 1))))
		return outcome_set(e, OUTCOME_INVALID, "plan must be of the form "
				   "SERVICE or SERVICE:PLAN, in lower case.");
	return 0;
}

static int addons_check_name(struct engine *g, const char *name, struct error *e)
{
	auto_doc index = DOC_INIT;
	size_t n = strlen(name);
	int r;

	if (n < 2 || n > ADDONS_NAME_MAX || id_is_uuid(name) ||
	    strspn(name, LOWER_DIGIT UPPER "_-") != n ||
	    strspn(name, "0123456789_-") > 0)
		return outcome_set(e, OUTCOME_INVALID, "Name must begin with a letter "
				   "and have 2 to %d letters, digits, dashes and "
				   "underscores.", ADDONS_NAME_MAX);
	r = doc_get(g->state, &index, e, "/addon-index/%s", name);
	if (r == 0)
		return outcome_set(e, OUTCOME_INVALID, "Name %s is already taken.",
				   name);
	return r < 0 ? r : 0;
}

/* "heroku-postgresql" is attached as POSTGRESQL: HEROKU_... is reserved. */
static char *addons_attachment_name(const char *service)
{
	const char *rest = str_after(service, "heroku-");
	char *name = xstrdup(rest && *rest ? rest : service);

	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
		else if (*p >= 'a' && *p <= 'z')
			*p += 'A' - 'a';
	return name;
}

static int addons_check_attachment(const json_t *all, const char *name,
				   struct error *e)
{
	size_t i, n = strlen(name);
	json_t *it;

	if (n < 1 || n > ADDONS_NAME_MAX || strspn(name, UPPER) < 1 ||
	    strspn(name, UPPER "0123456789_") != n || str_after(name, "HEROKU_"))
		return outcome_set(e, OUTCOME_INVALID, "The name of an attachment "
				   "begins with a letter, but not with HEROKU_, and "
				   "is made of upper-case letters, digits and "
				   "underscores.");
	json_array_foreach(all, i, it)
		if (addons_attachment(it, name))
			return outcome_set(e, OUTCOME_INVALID, "Add-on attachment "
				"name %s is already in use by this app.", name);
	return 0;
}

/* ---- changing ---- */

static void addons_put(struct change *c, const char *app_id, const json_t *addon)
{
	auto_json *doc = json_copy((json_t *)(uintptr_t)addon);

	json_object_del(doc, "attachments");
	change_put_sealed(c, doc, "values", "/apps/%s/addons/%s", app_id,
			  json_str(addon, "id"));
}

static void addons_put_index(struct change *c, const char *app_id,
			     const char *addon_id, const char *which)
{
	auto_json *index = json_pack("{s:s, s:s}", "app", app_id, "addon", addon_id);

	change_expect_absent(c, "/addon-index/%s", which);
	change_put(c, index, "/addon-index/%s", which);
}

/* A new reference. */
static json_t *addons_put_attachment(struct change *c, const char *app_id,
				     const char *addon_id, const char *name)
{
	char id[UUID_TEXT_MAX];
	json_t *doc = json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id_uuid(id),
				"name", name, "addon", addon_id, "created_at", c->now,
				"updated_at", c->now);

	change_put(c, doc, "/apps/%s/attachments/%s", app_id, id);
	addons_put_index(c, app_id, addon_id, id);
	return doc;
}

static void addons_delete_attachment(struct change *c, const char *app_id,
				     const json_t *attachment)
{
	const char *id = json_str(attachment, "id");

	change_delete(c, "/apps/%s/attachments/%s", app_id, id);
	change_delete(c, "/addon-index/%s", id);
}

/* The release that goes with it: "Attach DATABASE (@ref:name)". */
static int addons_release(struct change *c, const struct doc *app,
			  const json_t *addon, const char *verb, const char *what,
			  const json_t *patch, struct error *e)
{
	auto_free char *text = xasprintf("%s %s (@ref:%s)", verb, what,
					 json_str(addon, "name"));
	int r = releases_stage_patch(c, app, patch, text, e);

	return r ? r : change_commit(c, e);
}

static json_t *addons_doc(const struct change *c, const struct addons_new *spec,
			  const char *name, json_t *values)
{
	size_t n = strcspn(spec->plan, ":");
	auto_free char *service = xstrndup(spec->plan, n);
	auto_free char *plan = xasprintf("%s:%s", service, spec->plan[n] ?
					 spec->plan + n + 1 : "external");
	char id[UUID_TEXT_MAX];

	return json_pack("{s:s, s:s, s:s, s:s, s:O, s:[], s:s, s:s}",
			 "id", id_uuid(id), "name", name, "service", service,
			 "plan", plan, "values", values, "attachments",
			 "created_at", c->now, "updated_at", c->now);
}

static int addons_check_new(struct engine *g, const char *app_id,
			    const struct addons_new *spec, const char *name,
			    const char *attachment, struct error *e)
{
	auto_json *all = NULL;
	int r = addons_check_name(g, name, e);

	if (r == 0)
		r = addons_list(g, app_id, &all, e);
	if (r == 0 && json_array_size(all) >= ADDONS_MAX)
		r = outcome_set(e, OUTCOME_INVALID, "An app may have at most %d "
				"add-ons.", ADDONS_MAX);
	return r ? r : addons_check_attachment(all, attachment, e);
}

int addons_create(struct engine *g, const struct doc *app,
		  const struct addons_new *spec, json_t **ret, struct error *e)
{
	const char *app_id = json_str(app->j, "id");
	auto_free char *service = NULL, *random = names_app_random();
	auto_free char *name = NULL, *as = NULL;
	auto_json *values = NULL, *addon = NULL, *patch = NULL;
	auto_change c = change_begin(g);
	int r = addons_check_plan(spec->plan, e);

	if (r != 0)
		return r;
	service = xstrndup(spec->plan, strcspn(spec->plan, ":"));
	name = spec->name ? xstrdup(spec->name) : xasprintf("%s-%s", service, random);
	as = spec->attachment ? xstrdup(spec->attachment)
			      : addons_attachment_name(service);
	r = addons_check_new(g, app_id, spec, name, as, e);
	if (r == 0)
		r = addon_values_read(spec->config, &values, e);
	if (r == 0)
		r = addon_values_attach(g, app->j, as, values, &patch, e);
	if (r != 0)
		return r;
	addon = addons_doc(&c, spec, name, values);
	addons_put(&c, app_id, addon);
	addons_put_index(&c, app_id, json_str(addon, "id"), name);
	addons_put_index(&c, app_id, json_str(addon, "id"), json_str(addon, "id"));
	json_array_append_new(json_object_get(addon, "attachments"),
			      addons_put_attachment(&c, app_id,
						    json_str(addon, "id"), as));
	r = addons_release(&c, app, addon, "Attach", as, patch, e);
	if (r == 0)
		*ret = take_ptr(addon);
	return r;
}

int addons_destroy(struct engine *g, const struct doc *app, const json_t *addon,
		   struct error *e)
{
	const char *app_id = json_str(app->j, "id"), *id = json_str(addon, "id");
	auto_free char *what = NULL;
	auto_json *patch = json_object();
	auto_change c = change_begin(g);
	json_t *it;
	size_t i;

	json_array_foreach(json_object_get(addon, "attachments"), i, it) {
		char *more = i ? xasprintf("%s, %s", what, json_str(it, "name"))
			       : xstrdup(json_str(it, "name"));

		free(what);
		what = more;
		addon_values_detach(patch, json_str(it, "name"),
				    json_object_get(addon, "values"));
		addons_delete_attachment(&c, app_id, it);
	}
	change_delete(&c, "/apps/%s/addons/%s", app_id, id);
	change_delete(&c, "/addon-index/%s", id);
	change_delete(&c, "/addon-index/%s", json_str(addon, "name"));
	return addons_release(&c, app, addon, "Detach", what ? what : "-", patch, e);
}

int addons_attach(struct engine *g, const struct doc *app, const json_t *addon,
		  const char *name, json_t **ret, struct error *e)
{
	const char *app_id = json_str(app->j, "id");
	auto_free char *as = name ? xstrdup(name) :
		addons_attachment_name(json_str(addon, "service"));
	auto_json *all = NULL, *patch = NULL, *made = NULL;
	auto_change c = change_begin(g);
	int r = addons_list(g, app_id, &all, e);

	if (r == 0)
		r = addons_check_attachment(all, as, e);
	if (r == 0 && json_array_size(json_object_get(addon, "attachments")) >=
		      ADDONS_ATTACHMENTS_MAX)
		r = outcome_set(e, OUTCOME_INVALID, "An add-on may have at most %d "
				"attachments.", ADDONS_ATTACHMENTS_MAX);
	if (r == 0)
		r = addon_values_attach(g, app->j, as,
					json_object_get(addon, "values"), &patch, e);
	if (r != 0)
		return r;
	made = addons_put_attachment(&c, app_id, json_str(addon, "id"), as);
	r = addons_release(&c, app, addon, "Attach", as, patch, e);
	if (r == 0)
		*ret = take_ptr(made);
	return r;
}

int addons_detach(struct engine *g, const struct doc *app, const json_t *addon,
		  const json_t *attachment, struct error *e)
{
	const char *name = json_str(attachment, "name");
	auto_json *patch = json_object();
	auto_change c = change_begin(g);

	if (json_array_size(json_object_get(addon, "attachments")) < 2)
		return outcome_set(e, OUTCOME_INVALID, "This is the last attachment "
				   "of %s: destroy the add-on instead.",
				   json_str(addon, "name"));
	addon_values_detach(patch, name, json_object_get(addon, "values"));
	addons_delete_attachment(&c, json_str(app->j, "id"), attachment);
	return addons_release(&c, app, addon, "Detach", name, patch, e);
}

int addons_set_values(struct engine *g, const struct doc *app,
		      const json_t *addon, const json_t *values, struct error *e)
{
	auto_json *changed = json_copy((json_t *)(uintptr_t)addon), *merged = NULL;
	auto_json *patch = json_object();
	auto_change c = change_begin(g);
	json_t *it;
	size_t i;
	int r = addon_values_merge(json_object_get(addon, "values"), values, &merged,
				   e);

	if (r != 0 || json_equal(merged, json_object_get(addon, "values")))
		return r;
	json_array_foreach(json_object_get(addon, "attachments"), i, it) {
		addon_values_detach(patch, json_str(it, "name"),
				    json_object_get(addon, "values"));
		addon_values_patch(patch, json_str(it, "name"), merged);
	}
	json_object_set(changed, "values", merged);
	json_object_set_new(changed, "updated_at", json_string(c.now));
	addons_put(&c, json_str(app->j, "id"), changed);
	return addons_release(&c, app, addon, "Update", json_str(addon, "service"),
			      patch, e);
}

int addons_check_patch(struct engine *g, const char *app_id, const json_t *patch,
		       struct error *e)
{
	auto_json *all = NULL;
	json_t *addon, *var;
	size_t i, k;
	int r = addons_list(g, app_id, &all, e);

	json_array_foreach(all, i, addon) {
		auto_json *vars = addons_vars(addon);

		json_array_foreach(vars, k, var)
			if (json_object_get(patch, json_string_value(var)))
				return outcome_set(e, OUTCOME_INVALID, "Cannot "
					"overwrite attachment values %s.",
					json_string_value(var));
	}
	return r;
}

int addons_forget(struct change *c, const char *app_id, struct error *e)
{
	auto_doc_list addons = DOC_LIST_INIT, attachments = DOC_LIST_INIT;
	int r = doc_list(c->g->state, &addons, e, "/apps/%s/addons/", app_id);

	if (r == 0)
		r = doc_list(c->g->state, &attachments, e, "/apps/%s/attachments/",
			     app_id);
	for (size_t i = 0; i < addons.n; i++) {
		change_delete(c, "/addon-index/%s", doc_name(&addons.v[i]));
		change_delete(c, "/addon-index/%s", json_str(addons.v[i].j, "name"));
	}
	for (size_t i = 0; i < attachments.n; i++)
		change_delete(c, "/addon-index/%s", doc_name(&attachments.v[i]));
	return r;
}
