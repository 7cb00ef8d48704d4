/*
 * fetch.c - the import around a source.
 */
#include "base/error.h"
#include "slugstore/conf.h"
#include "slugstore/store.h"
#include "slugstore/transfer/fetch.h"
#include "slugstore/transfer/source.h"

static int fetch_begin(struct store *s, const struct fetch *f,
		       struct store_import **ret, struct error *e)
{
	if (!f->sha256)
		return store_import_begin(s, f->conf->max_bytes, ret, e);
	return store_import_resume(s, f->conf->max_bytes, f->sha256,
				   f->conf->total_sec, ret, e);
}

/* *ret_pieced: a wrong digest may be the fault of the pieces. */
static int fetch_once(struct store_import *imp, const struct fetch *f,
		      char ret_sha256[SHA256_HEX_MAX], bool *ret_pieced,
		      struct error *e)
{
	const struct source_watch watch = {
		.on_progress = f->on_progress, .userdata = f->userdata,
	};
	int r = source_read(f->source, imp, &watch, e);

	*ret_pieced = r == SOURCE_PIECED;
	if (r == SOURCE_ABSENT)
		return FETCH_ABSENT;
	if (r < 0)
		return r;
	return store_import_finish(imp, f->sha256, ret_sha256, NULL, e);
}

int fetch_run(struct store *s, const struct fetch *f,
	      char ret_sha256[SHA256_HEX_MAX], struct error *e)
{
	auto_(store_import_free_p) struct store_import *imp = NULL;
	struct error first;
	bool pieced = false;
	int r = fetch_begin(s, f, &imp, e);

	if (r == STORE_PRESENT) {
		memcpy(ret_sha256, f->sha256, SHA256_HEX_MAX);
		return FETCH_PRESENT;
	}
	if (r == 0)
		r = fetch_once(imp, f, ret_sha256, &pieced, &first);
	/* A failed finish has emptied the import. */
	if (r < 0 && imp && pieced && first.code == EBADMSG)
		r = fetch_once(imp, f, ret_sha256, &pieced, &first);
	if (r < 0 && imp && e)
		*e = first;
	return error_prefix(e, r, "fetch %.200s", source_name(f->source));
}
