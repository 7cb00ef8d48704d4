/*
 * verb_keep.c - whose desired state the pins are: its list, whole, each time.
 */
#include "slugstore/dyno-slug/slug.h"
#include "base/error.h"
#include "base/strv.h"
#include "slugstore/store.h"

#include <getopt.h>

int slug_do_keep(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	auto_strv wanted = STRV_INIT;
	struct error e;
	int r = slug_options(g, argc, argv, "", 0, -1);

	if (r)
		return r;
	for (int i = optind; i < argc; i++)
		strv_add(&wanted, argv[i]);
	if (slug_open(g, "", &e) < 0 ||
	    store_keep_only(g->store, &wanted, &e) < 0)
		return slug_fail(&e);
	return EXIT_SUCCESS;
}
