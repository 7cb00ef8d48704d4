/*
 * verb_ls.c - the slugs of the store.
 */
#include "slugstore/dyno-slug/slug.h"
#include "base/error.h"
#include "slugstore/store.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

/* 0 or < 0; adds the slug to list, or prints it. */
static int slug_list_one(struct slug *g, const char *sha256, json_t *list,
			 struct error *e)
{
	uint64_t size = 0;
	int blob = store_has(g->store, sha256, &size, e);
	int tree = blob < 0 ? blob : store_has_tree(g->store, sha256, e);

	if (blob < 0 || tree < 0)
		return -EIO;
	if (blob == STORE_ABSENT && tree == STORE_ABSENT)
		return 0;	/* has just been removed */
	if (!g->json)
		printf("%s %10" PRIu64 " %s\n", sha256, size,
		       tree == 0 ? "unpacked" : "packed");
	else
		json_array_append_new(list, json_pack(
			"{s:s, s:I, s:b}", "sha256", sha256, "size",
			(json_int_t)size, "unpacked", tree == 0));
	return 0;
}

int slug_do_ls(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	auto_strv all = STRV_INIT;
	json_t *list;
	struct error e;
	int r = slug_options(g, argc, argv, "j", 0, 0);

	if (r)
		return r;
	r = slug_open(g, "", &e);
	if (r >= 0)
		r = store_list(g->store, &all, &e);
	list = json_array();
	for (size_t i = 0; r >= 0 && i < all.n; i++)
		r = slug_list_one(g, all.v[i], list, &e);
	if (r >= 0 && g->json) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(list);
	return r < 0 ? slug_fail(&e) : EXIT_SUCCESS;
}
