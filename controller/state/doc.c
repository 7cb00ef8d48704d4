/*
 * doc.c - keys are printed, values parsed.
 */
#include "base/error.h"
#include "controller/state/doc.h"

static int doc_parse(struct doc *d, const char *value, struct error *e)
{
	int r = json_parse(value, strlen(value), &d->j, e);

	if (r == 0 && !json_is_object(d->j))
		r = error_set(e, EILSEQ, "not an object");
	if (r < 0)
		return error_prefix(e, r, "state key %s", d->key);
	return 0;
}

int doc_get(struct state *s, struct doc *ret, struct error *e,
	    const char *fmt, ...)
{
	auto_free char *value = NULL;
	auto_doc d = DOC_INIT;
	va_list ap;
	int r;

	va_start(ap, fmt);
	d.key = xvasprintf(fmt, ap);
	va_end(ap);
	r = state_get(s, d.key, &value, &d.revision, e);
	if (r == 0)
		r = doc_parse(&d, value, e);
	if (r != 0)
		return r;
	*ret = d;
	d = DOC_INIT;
	return 0;
}

int doc_list(struct state *s, struct doc_list *ret, struct error *e,
	     const char *fmt, ...)
{
	auto_(state_items_deinit) struct state_items items = STATE_ITEMS_INIT;
	auto_doc_list list = DOC_LIST_INIT;
	auto_free char *prefix = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	prefix = xvasprintf(fmt, ap);
	va_end(ap);
	r = state_list(s, prefix, &items, e);
	if (r < 0)
		return r;
	list.v = xcalloc(items.n + 1, sizeof(*list.v));
	for (size_t i = 0; r == 0 && i < items.n; i++) {
		struct doc *d = &list.v[list.n++];

		d->key = take_ptr(items.v[i].key);
		d->revision = items.v[i].revision;
		r = doc_parse(d, items.v[i].value, e);
	}
	if (r < 0)
		return r;
	*ret = list;
	list = DOC_LIST_INIT;
	return 0;
}

const char *doc_name(const struct doc *d)
{
	return strrchr(d->key, '/') + 1;
}

void doc_deinit(struct doc *d)
{
	free(d->key);
	json_decref(d->j);
	*d = DOC_INIT;
}

void doc_list_deinit(struct doc_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		doc_deinit(&l->v[i]);
	free(l->v);
	*l = DOC_LIST_INIT;
}
