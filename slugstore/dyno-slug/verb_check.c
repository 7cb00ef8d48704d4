/*
 * verb_check.c - would this slug file be accepted?
 */
#include "slugstore/dyno-slug/slug.h"
#include "base/error.h"
#include "slugstore/store.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

int slug_do_check(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	uint64_t size, entries, bytes;
	struct error e;
	int fd, r = slug_options(g, argc, argv, "", 1, 1);

	if (r)
		return r;
	if (slug_open_input(argv[optind], &fd, &size, &e) < 0 ||
	    store_check(fd, &entries, &bytes, &e) < 0)
		return slug_fail(&e);
	printf("%" PRIu64 " entries, %" PRIu64 " bytes\n", entries, bytes);
	return EXIT_SUCCESS;
}
