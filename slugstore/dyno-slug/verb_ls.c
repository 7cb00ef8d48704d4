/*
 * verb_ls.c - the slugs of the store, a line each.
 */
#include "base/error.h"
#include "slugstore/dyno-slug/figure.h"
#include "slugstore/dyno-slug/slug.h"
#include "slugstore/dyno-slug/slug_record.h"
#include "slugstore/space/usage.h"
#include "slugstore/store.h"

#include <stdio.h>

static void slug_list_row(const struct usage_slug *u)
{
	char size[FIGURE_MAX], leased[FIGURE_MAX];

	printf("%-*.*s  %10s  %-8s  %-15s  %s\n", figure_digits(),
	       figure_digits(), u->sha256, figure_bytes(size, u->size),
	       u->has_tree ? "unpacked" : "packed", slug_record_state(u),
	       figure_time(leased, u->leased_usec));
}

static void slug_list_head(void)
{
	printf("%-*s  %10s  %-8s  %-15s  %s\n", figure_digits(), "SHA256",
	       "SIZE", "TREE", "STATE", "LAST LEASED");
}

/* Adds the slug to list, or prints it. */
static int slug_list_one(struct slug *g, const char *sha256, json_t *list,
			 bool first, struct error *e)
{
	struct usage_slug u;
	int r = usage_slug(g->store, sha256, &u, e);

	if (r != 0)
		return r;
	if (g->json) {
		json_array_append_new(list, slug_record_json(&u));
		return 0;
	}
	if (first)
		slug_list_head();
	slug_list_row(&u);
	return 0;
}

int slug_do_ls(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	auto_strv all = STRV_INIT;
	bool first = true;
	json_t *list;
	struct error e;
	int r = slug_options(g, argc, argv, "j", 0, 0);

	if (r)
		return r;
	r = slug_open(g, "", &e);
	if (r >= 0)
		r = store_list(g->store, &all, &e);
	list = json_array();
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		/* One that has just been removed is none. */
		r = slug_list_one(g, all.v[i], list, first, &e);
		first = first && r != 0;
	}
	if (r >= 0 && g->json) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(list);
	return r < 0 ? slug_fail(&e) : EXIT_SUCCESS;
}
