/*
 * verb_rm.c - remove a slug that nobody uses.
 */
#include "slugstore/dyno-slug/slug.h"
#include "base/error.h"
#include "slugstore/store.h"

#include <getopt.h>

int slug_do_rm(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	char sha256[SHA256_HEX_MAX];
	struct error e;
	int has_blob, has_tree, r = slug_options(g, argc, argv, "", 1, 1);

	if (r)
		return r;
	if (slug_open(g, "", &e) < 0)
		return slug_fail(&e);
	r = slug_name(g, argv[optind], sha256);
	if (r)
		return r;
	has_blob = store_has(g->store, sha256, NULL, &e);
	has_tree = has_blob < 0 ? -1 : store_has_tree(g->store, sha256, &e);
	if (has_blob < 0 || has_tree < 0)
		return slug_fail(&e);
	if (store_remove(g->store, sha256, &e) < 0)
		return slug_fail(&e);
	return has_blob && has_tree ? slug_absent(sha256) : EXIT_SUCCESS;
}
