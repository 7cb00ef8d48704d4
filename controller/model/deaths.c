/*
 * deaths.c - a short list per name.
 */
#include "base/error.h"
#include "base/log.h"
#include "controller/model/deaths.h"
#include "controller/engine.h"
#include "controller/model/names.h"

static const char *deaths_time(const json_t *record)
{
	const char *s = json_str(record, "ended_at");

	return s ? s : "";
}

static bool deaths_has(const json_t *records, const char *instance)
{
	json_t *it;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)records, i, it) {
		const char *s = json_str(it, "instance");

		if (s && str_eq(s, instance))
			return true;
	}
	return false;
}

/* Too many names: the one whose newest record is the oldest goes. */
static int deaths_make_room(struct change *c, const char *app_id, struct error *e)
{
	auto_doc_list all = DOC_LIST_INIT;
	const struct doc *oldest = NULL;
	int r = doc_list(c->g->state, &all, e, "/deaths/%s/", app_id);

	if (r < 0 || all.n < DEATHS_NAMES_MAX)
		return r;
	for (size_t i = 0; i < all.n; i++) {
		const json_t *v = json_object_get(all.v[i].j, "records");

		if (!oldest || strcmp(deaths_time(json_array_get(v, 0)),
				      deaths_time(json_array_get(json_object_get(
				      oldest->j, "records"), 0))) < 0)
			oldest = &all.v[i];
	}
	change_delete(c, "%s", oldest->key);
	return 0;
}

static int deaths_add(struct engine *g, const char *app_id, const char *name,
		      json_t *record, struct error *e)
{
	auto_doc d = DOC_INIT;
	auto_change c = change_begin(g);
	auto_json *fresh = NULL;
	json_t *records;
	int r = doc_get(g->state, &d, e, "/deaths/%s/%s", app_id, name);

	if (r < 0)
		return r;
	if (r == STATE_ABSENT) {
		fresh = json_pack("{s:[]}", "records");
		r = deaths_make_room(&c, app_id, e);
		if (r < 0)
			return r;
	}
	records = json_object_get(fresh ? fresh : d.j, "records");
	if (deaths_has(records, json_str(record, "instance")))
		return 0;
	json_array_insert(records, 0, record);
	while (json_array_size(records) > DEATHS_KEPT)
		json_array_remove(records, DEATHS_KEPT);
	change_put(&c, fresh ? fresh : d.j, "/deaths/%s/%s", app_id, name);
	return change_commit(&c, e);
}

int deaths_take(struct engine *g, const char *app_id, const char *name,
		const char *text, size_t n, struct error *e)
{
	auto_json *record = NULL;
	struct error why;

	if (json_parse(text, n, &record, &why) < 0 ||
	    !json_str(record, "instance") || !names_dyno_ok(name)) {
		log_warn("a host sends a record of an end that is none, ignoring it");
		return 0;
	}
	return deaths_add(g, app_id, name, record, e);
}

static int deaths_compare(const void *a, const void *b)
{
	return strcmp(deaths_time(*(json_t *const *)b),
		      deaths_time(*(json_t *const *)a));
}

static json_t *deaths_sort(const struct doc_list *docs)
{
	json_t *out = json_array(), *it;
	auto_free json_t **v = xcalloc(docs->n * DEATHS_KEPT + 1, sizeof(*v));
	size_t n = 0, i;

	for (size_t k = 0; k < docs->n; k++)
		json_array_foreach(json_object_get(docs->v[k].j, "records"), i, it)
			if (n < docs->n * DEATHS_KEPT)
				v[n++] = it;
	if (n)
		qsort(v, n, sizeof(*v), deaths_compare);
	for (i = 0; i < n; i++)
		json_array_append(out, v[i]);
	return out;
}

int deaths_list(struct engine *g, const char *app_id, const char *name,
		json_t **ret, struct error *e)
{
	auto_doc_list docs = DOC_LIST_INIT;
	auto_doc d = DOC_INIT;
	int r;

	if (name) {
		r = doc_get(g->state, &d, e, "/deaths/%s/%s", app_id, name);
		if (r >= 0)
			*ret = r == STATE_ABSENT ? json_array() : json_incref(
				json_object_get(d.j, "records"));
		return r < 0 ? r : 0;
	}
	r = doc_list(g->state, &docs, e, "/deaths/%s/", app_id);
	if (r == 0)
		*ret = deaths_sort(&docs);
	return r;
}

int deaths_forget(struct change *c, const char *app_id, struct error *e)
{
	auto_(state_items_deinit) struct state_items items = STATE_ITEMS_INIT;
	auto_free char *prefix = xasprintf("/deaths/%s/", app_id);
	int r = state_list(c->g->state, prefix, &items, e);

	for (size_t i = 0; r >= 0 && i < items.n; i++)
		change_delete(c, "%s", items.v[i].key);
	return r;
}
