/*
 * verb_show.c - all that is known of one slug.
 */
#include "base/error.h"
#include "slugstore/dyno-slug/figure.h"
#include "slugstore/dyno-slug/slug.h"
#include "slugstore/dyno-slug/slug_record.h"
#include "slugstore/space/usage.h"
#include "slugstore/store.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

static void show_print(const struct usage_slug *u)
{
	char text[FIGURE_MAX];

	printf("sha256:       %s\n", u->sha256);
	printf("state:        %s\n", slug_record_state(u));
	if (u->has_blob) {
		printf("size:         %s\n", figure_size(text, u->size));
		printf("on disk:      %s\n", figure_size(text, u->blob.bytes));
		printf("imported:     %s\n", figure_time(text, u->imported_usec));
	}
	if (u->has_tree) {
		printf("unpacked:     %s\n", figure_time(text, u->unpacked_usec));
		printf("tree:         %s\n", figure_size(text, u->tree.bytes));
		printf("tree inodes:  %" PRIu64 "\n", u->tree.inodes);
		printf("tree shared:  %s\n", figure_size(text, u->tree.shared));
	}
	printf("last leased:  %s\n", figure_time(text, u->leased_usec));
}

int slug_do_show(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	char sha256[SHA256_HEX_MAX];
	struct usage_slug u;
	json_t *j;
	struct error e;
	int r = slug_options(g, argc, argv, "j", 1, 1);

	if (r)
		return r;
	if (slug_open(g, "", &e) < 0)
		return slug_fail(&e);
	r = slug_name(g, argv[optind], sha256);
	if (r)
		return r;
	r = usage_slug(g->store, sha256, &u, &e);
	if (r != 0)
		return r < 0 ? slug_fail(&e) : slug_absent(sha256);
	if (!g->json) {
		show_print(&u);
		return EXIT_SUCCESS;
	}
	j = slug_record_json(&u);
	json_dumpf(j, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(j);
	return EXIT_SUCCESS;
}
