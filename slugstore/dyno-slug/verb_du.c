/*
 * verb_du.c - what the store takes, slug by slug, part by part.
 */
#include "base/error.h"
#include "slugstore/dyno-slug/figure.h"
#include "slugstore/dyno-slug/slug.h"
#include "slugstore/space/usage.h"
#include "slugstore/store.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

struct du {
	struct usage_store all;
	struct usage_fs fs;
	struct usage_slug *slugs;
	size_t n;
};

static int du_look(struct du *du, struct store *s, struct error *e)
{
	auto_strv all = STRV_INIT;
	int r = store_list(s, &all, e);

	du->slugs = xcalloc(all.n + 1, sizeof(*du->slugs));
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		r = usage_slug(s, all.v[i], &du->slugs[du->n], e);
		du->n += r == 0;
	}
	if (r >= 0)
		r = usage_store(s, &du->all, e);
	return r < 0 ? r : usage_fs(s, &du->fs, e);
}

static void du_row(const char *name, const struct usage *u)
{
	char bytes[FIGURE_MAX], shared[FIGURE_MAX];

	printf("%-*.*s  %11s  %8" PRIu64 "  %11s\n", figure_digits(),
	       figure_digits(), name, figure_bytes(bytes, u->bytes), u->inodes,
	       figure_bytes(shared, u->shared));
}

static const struct {
	const char *name;
	size_t offset;
} du_parts[] = {
	{ "blobs", offsetof(struct usage_store, blobs) },
	{ "trees", offsetof(struct usage_store, trees) },
	{ "partial", offsetof(struct usage_store, partial) },
	{ "damaged", offsetof(struct usage_store, damaged) },
	{ "incoming", offsetof(struct usage_store, incoming) },
	{ "other", offsetof(struct usage_store, other) },
	{ "total", offsetof(struct usage_store, total) },
};

static const struct usage *du_part(const struct du *du, size_t i)
{
	return (const void *)((const char *)&du->all + du_parts[i].offset);
}

static void du_print(const struct du *du)
{
	char size[FIGURE_MAX], free_bytes[FIGURE_MAX];

	printf("%-*s  %11s  %8s  %11s\n", figure_digits(), "", "BYTES",
	       "INODES", "SHARED");
	for (size_t i = 0; i < du->n; i++) {
		struct usage sum = du->slugs[i].blob;

		usage_add(&sum, &du->slugs[i].tree);
		du_row(du->slugs[i].sha256, &sum);
	}
	for (size_t i = 0; i < ARRAY_SIZE(du_parts); i++)
		du_row(du_parts[i].name, du_part(du, i));
	if (du->fs.bytes != UINT64_MAX)
		printf("file system: %s, %s free\n",
		       figure_size(size, du->fs.bytes),
		       figure_size(free_bytes, du->fs.bytes_free));
	if (du->fs.inodes != UINT64_MAX)
		printf("file system: %" PRIu64 " inodes, %" PRIu64 " free\n",
		       du->fs.inodes, du->fs.inodes_free);
}

static json_t *du_json_usage(const struct usage *u)
{
	return json_pack("{s:I, s:I, s:I}", "bytes", (json_int_t)u->bytes,
			 "inodes", (json_int_t)u->inodes,
			 "shared", (json_int_t)u->shared);
}

/* null: the file system knows no end. */
static json_t *du_json_limit(uint64_t n)
{
	return n == UINT64_MAX ? json_null() : json_integer((json_int_t)n);
}

static void du_print_json(const struct du *du)
{
	json_t *slugs = json_array(), *all = json_object();

	for (size_t i = 0; i < du->n; i++)
		json_array_append_new(slugs, json_pack("{s:s, s:o, s:o}",
			"sha256", du->slugs[i].sha256,
			"blob", du_json_usage(&du->slugs[i].blob),
			"tree", du_json_usage(&du->slugs[i].tree)));
	json_object_set_new(all, "slugs", slugs);
	for (size_t i = 0; i < ARRAY_SIZE(du_parts); i++)
		json_object_set_new(all, du_parts[i].name,
				    du_json_usage(du_part(du, i)));
	json_object_set_new(all, "file_system", json_pack(
		"{s:o, s:o, s:o, s:o}",
		"bytes", du_json_limit(du->fs.bytes),
		"bytes_free", du_json_limit(du->fs.bytes_free),
		"inodes", du_json_limit(du->fs.inodes),
		"inodes_free", du_json_limit(du->fs.inodes_free)));
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

int slug_do_du(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	struct du du = { 0 };
	struct error e;
	int r = slug_options(g, argc, argv, "j", 0, 0);

	if (r)
		return r;
	r = slug_open(g, "", &e);
	if (r >= 0)
		r = du_look(&du, g->store, &e);
	if (r >= 0 && g->json)
		du_print_json(&du);
	else if (r >= 0)
		du_print(&du);
	free(du.slugs);
	return r < 0 ? slug_fail(&e) : EXIT_SUCCESS;
}
