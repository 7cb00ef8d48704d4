/*
 * verb_import.c - a file becomes a blob.
 */
#include "slugstore/dyno-slug/slug.h"
#include "slugstore/transfer/source.h"

#include <getopt.h>
#include <stdio.h>

int slug_do_import(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	auto_(source_free_p) struct source *src = NULL;
	char sha256[SHA256_HEX_MAX];
	int r = slug_options(g, argc, argv, "s", 1, 1);

	if (r)
		return r;
	if (strstr(argv[optind], "://"))
		return slug_usage("import takes a file or -; use fetch");
	r = slug_open_source(g, argv[optind], "import", &src);
	if (r == 0)
		r = slug_fetch(g, src, g->sha256, sha256);
	if (r == 0)
		printf("%s\n", sha256);
	return r;
}
