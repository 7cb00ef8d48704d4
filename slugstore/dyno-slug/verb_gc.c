/*
 * verb_gc.c - collect down to the low marks, and tell what has gone.
 */
#include "base/error.h"
#include "slugstore/dyno-slug/figure.h"
#include "slugstore/dyno-slug/slug.h"
#include "slugstore/space/collect.h"
#include "slugstore/store.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

struct gc {
	bool json;
	json_t *victims;
};

static void on_gc_victim(const struct collect_victim *v, void *userdata)
{
	struct gc *gc = userdata;
	char used[FIGURE_MAX], bytes[FIGURE_MAX];

	figure_time(used, v->used_usec);
	if (gc->json)
		json_array_append_new(gc->victims, json_pack(
			"{s:s, s:s, s:s, s:I, s:I}",
			"kind", collect_kind_names[v->kind], "name", v->name,
			"used_at", used, "bytes", (json_int_t)v->bytes,
			"inodes", (json_int_t)v->inodes));
	else
		printf("%-7s  %-*.*s  %11s  %7" PRIu64 "  %s\n",
		       collect_kind_names[v->kind], figure_digits(),
		       v->kind == COLLECT_DAMAGED ? 99 : figure_digits(),
		       v->name, figure_bytes(bytes, v->bytes), v->inodes, used);
}

static void gc_print_json(struct gc *gc, const struct collect_result *res,
			  bool dry_run)
{
	json_t *counts = json_object();
	json_t *all;

	for (int i = 0; i < COLLECT_KINDS; i++)
		json_object_set_new(counts, collect_kind_names[i],
				    json_integer((json_int_t)res->counts[i]));
	all = json_pack("{s:b, s:O, s:o, s:I, s:I, s:I, s:I, s:b}",
			"dry_run", dry_run, "collected", gc->victims,
			"counts", counts,
			"bytes", (json_int_t)res->bytes,
			"inodes", (json_int_t)res->inodes,
			"in_use", (json_int_t)res->in_use,
			"pinned", (json_int_t)res->pinned,
			"enough", res->enough);
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

static void gc_print(const struct collect_result *res, bool dry_run)
{
	char bytes[FIGURE_MAX];

	printf("%s %" PRIu64 " trees, %" PRIu64 " blobs, %" PRIu64 " damaged,"
	       " %" PRIu64 " partial: %s, %" PRIu64 " inodes;"
	       " kept %" PRIu64 " in use, %" PRIu64 " pinned%s\n",
	       dry_run ? "would collect" : "collected",
	       res->counts[COLLECT_TREE], res->counts[COLLECT_BLOB],
	       res->counts[COLLECT_DAMAGED], res->counts[COLLECT_PARTIAL],
	       figure_size(bytes, res->bytes), res->inodes, res->in_use,
	       res->pinned, res->enough ? "" : "; still above a mark");
}

int slug_do_gc(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	struct gc gc = { 0 };
	struct collect_request req = {
		.on_victim = on_gc_victim, .userdata = &gc,
	};
	struct collect_result res = { 0 };
	struct error e;
	int r = slug_options(g, argc, argv, "jnM", 0, 0);

	if (r)
		return r;
	req.dry_run = g->dry_run;
	gc.json = g->json;
	gc.victims = json_array();
	r = slug_open(g, "", &e);
	if (r >= 0)
		r = store_collect(g->store, &req, &res, &e);
	if (r >= 0 && g->json)
		gc_print_json(&gc, &res, g->dry_run);
	else if (r >= 0)
		gc_print(&res, g->dry_run);
	json_decref(gc.victims);
	return r < 0 ? slug_fail(&e) : EXIT_SUCCESS;
}
