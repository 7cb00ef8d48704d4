/*
 * verb_verify.c - read slugs again.
 */
#include "slugstore/dyno-slug/slug.h"
#include "base/error.h"
#include "slugstore/store.h"

#include <getopt.h>

int slug_do_verify(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	auto_strv all = STRV_INIT;
	int status = EXIT_SUCCESS;
	struct error e;
	int r = slug_options(g, argc, argv, "", 0, -1);

	if (r)
		return r;
	r = slug_open(g, "verify", &e);
	for (int i = optind; r >= 0 && i < argc; i++) {
		char sha256[SHA256_HEX_MAX];

		status = slug_name(g, argv[i], sha256);
		if (status)
			return status;
		strv_add(&all, sha256);
	}
	if (r >= 0 && all.n == 0)
		r = store_list(g->store, &all, &e);
	if (r < 0)
		return slug_fail(&e);

	/* One that is damaged does not spare us the others. */
	for (size_t i = 0; i < all.n; i++) {
		r = store_verify(g->store, all.v[i], &e);
		progress_end(&g->progress);
		if (r < 0)
			status = slug_fail(&e);
		else if (r == STORE_ABSENT && status == EXIT_SUCCESS)
			status = slug_absent(all.v[i]);
	}
	return status;
}
