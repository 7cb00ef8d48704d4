/*
 * verb_rm.c - remove a slug that nobody uses, or an object of an object store.
 */
#include "slugstore/dyno-slug/slug.h"
#include "base/error.h"
#include "slugstore/store.h"
#include "slugstore/transfer/erase.h"
#include "slugstore/transfer/target.h"

#include <getopt.h>
#include <stdio.h>

static int slug_erase(struct slug *g, const char *address)
{
	const struct target_spec spec = { .address = address, .conf = &g->conf };
	struct target target = TARGET_INIT;
	struct error e;
	int r = target_init(&target, &spec, &e);

	if (r == 0)
		r = erase_run(&target, &e);
	target_deinit(&target);
	if (r == ERASE_ABSENT)
		fprintf(stderr, "dyno-slug: %s is not there\n", address);
	return r < 0 ? slug_fail(&e) : r == ERASE_ABSENT ? EXIT_ABSENT
							 : EXIT_SUCCESS;
}

int slug_do_rm(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	char sha256[SHA256_HEX_MAX];
	struct error e;
	int has_blob, has_tree, r = slug_options(g, argc, argv, "", 1, 1);

	if (r)
		return r;
	if (str_after(argv[optind], "s3://"))
		return slug_erase(g, argv[optind]);
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
