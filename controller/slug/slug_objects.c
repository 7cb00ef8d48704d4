/*
 * slug_objects.c - one small doc for each object.
 */
#include "base/error.h"
#include "base/strv.h"
#include "controller/model/change.h"
#include "controller/engine.h"
#include "controller/slug/slug_objects.h"

#define OBJECTS "/slug-objects/"

int slug_objects_find(struct engine *g, const char *sha256, char **ret_url,
		      bool *ret_stored, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = doc_get(g->state, &d, e, OBJECTS "%s", sha256);

	if (r != 0)
		return r;
	if (!json_str(d.j, "url"))
		return error_set(e, EILSEQ, "state key %s: no url", d.key);
	*ret_url = xstrdup(json_str(d.j, "url"));
	if (ret_stored)
		*ret_stored = json_flag(d.j, "stored", false);
	return 0;
}

int slug_objects_put(struct engine *g, const char *sha256, const char *url,
		     bool stored, struct error *e)
{
	auto_json *j = json_pack("{s:s, s:b}", "url", url, "stored", stored);
	auto_change c = change_begin(g);

	change_put(&c, j, OBJECTS "%s", sha256);
	return change_commit(&c, e);
}

int slug_objects_forget(struct engine *g, const char *sha256, struct error *e)
{
	auto_change c = change_begin(g);

	change_delete(&c, OBJECTS "%s", sha256);
	return change_commit(&c, e);
}

int slug_objects_list(struct engine *g, struct strv *ret_sha256s,
		      struct error *e)
{
	auto_doc_list docs = DOC_LIST_INIT;
	int r = doc_list(g->state, &docs, e, OBJECTS);

	for (size_t i = 0; r == 0 && i < docs.n; i++)
		strv_add(ret_sha256s, doc_name(&docs.v[i]));
	return r;
}
