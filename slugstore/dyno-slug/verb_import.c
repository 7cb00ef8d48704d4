/*
 * verb_import.c - a file becomes a blob.
 */
#include "slugstore/dyno-slug/slug.h"
#include "base/error.h"
#include "slugstore/store.h"
#include "slugstore/transfer/fetch.h"

#include <getopt.h>
#include <stdio.h>

#define IMPORT_BLOCK (256 * 1024)

static int slug_import(struct slug *g, int fd, uint64_t size,
		       char ret[SHA256_HEX_MAX], struct error *e)
{
	auto_(store_import_free_p) struct store_import *imp = NULL;
	auto_free char *block = xmalloc(IMPORT_BLOCK);
	uint64_t done = 0;
	ssize_t n;
	int r = store_import_begin(g->store, FETCH_BYTES_MAX, &imp, e);

	while (r >= 0 && (n = read(fd, block, IMPORT_BLOCK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "read");
		r = store_import_write(imp, block, (size_t)n, e);
		done += (uint64_t)n;
		progress_step(done, size, &g->progress);
	}
	progress_end(&g->progress);
	if (r < 0)
		return r;
	return store_import_finish(imp, g->sha256, ret, NULL, e);
}

int slug_do_import(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	char sha256[SHA256_HEX_MAX];
	uint64_t size = 0;
	struct error e;
	int fd, r = slug_options(g, argc, argv, "s", 1, 1);

	if (r)
		return r;
	if (slug_open_input(argv[optind], &fd, &size, &e) < 0 ||
	    slug_open(g, "import", &e) < 0 ||
	    slug_import(g, fd, size, sha256, &e) < 0)
		return slug_fail(&e);
	printf("%s\n", sha256);
	return EXIT_SUCCESS;
}
