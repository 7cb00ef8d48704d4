/*
 * verb_verify.c - check blobs and trees again. What is damaged does not spare us
 * the others; the worst decides the exit status.
 */
#include "slugstore/dyno-slug/slug.h"
#include "base/error.h"
#include "slugstore/store.h"
#include "slugstore/verify.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

/* A sentence for each that is damaged; the digests of a blob are its end. */
static void verify_complain(const char *sha256, const char *what,
			    const struct verify_part *p)
{
	if (p->state != VERIFY_DAMAGED)
		return;
	fprintf(stderr, "dyno-slug: %s %s is damaged and %s: %s\n", what, sha256,
		p->is_leased ? "in use, so it stays until it is free"
			     : "has been set aside", p->fault);
}

static json_t *verify_json_part(const struct verify_part *p)
{
	json_t *j = json_pack("{s:s}", "state", verify_state_name(p->state));

	if (p->state != VERIFY_DAMAGED)
		return j;
	json_object_set_new(j, "fault", json_stringn_nocheck(p->fault,
							     strlen(p->fault)));
	json_object_set_new(j, "set_aside", json_boolean(!p->is_leased));
	return j;
}

static void verify_show(struct slug *g, const char *sha256,
			const struct verify *v, json_t *list)
{
	verify_complain(sha256, "tree", &v->tree);
	verify_complain(sha256, "blob", &v->blob);
	if (g->json)
		json_array_append_new(list, json_pack(
			"{s:s, s:o, s:o}", "sha256", sha256,
			"blob", verify_json_part(&v->blob),
			"tree", verify_json_part(&v->tree)));
	else
		printf("%s blob %s, tree %s\n", sha256,
		       verify_state_name(v->blob.state),
		       verify_state_name(v->tree.state));
}

/* One slug; named: it was asked for by name. */
static int verify_one(struct slug *g, const char *sha256, bool named,
		      json_t *list)
{
	unsigned what = (g->blobs ? VERIFY_BLOB : 0) |
			(g->trees ? VERIFY_TREE : 0);
	struct verify v;
	struct error e;
	int r = verify_slug(g->store, sha256,
			    what ? what : VERIFY_BLOB | VERIFY_TREE, &v, &e);

	progress_end(&g->progress);
	if (r < 0)
		return slug_fail(&e);
	if (v.blob.state == VERIFY_ABSENT && v.tree.state == VERIFY_ABSENT)
		return named ? slug_absent(sha256) : EXIT_SUCCESS;
	verify_show(g, sha256, &v, list);
	if (v.blob.state == VERIFY_DAMAGED)
		return EXIT_DIGEST;
	return v.tree.state == VERIFY_DAMAGED ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The names that were given, in full; 0 or exit status. */
static int verify_names(struct slug *g, int argc, char **argv, struct strv *ret)
{
	char sha256[SHA256_HEX_MAX];
	int status = 0;

	for (int i = 0; status == 0 && i < argc; i++) {
		status = slug_name(g, argv[i], sha256);
		if (status == 0)
			strv_add(ret, sha256);
	}
	return status;
}

int slug_do_verify(int argc, char **argv, void *userdata)
{
	static const int worse[] = {		/* the last is the worst */
		EXIT_SUCCESS, EXIT_ABSENT, EXIT_FAILURE, EXIT_DIGEST,
	};
	struct slug *g = userdata;
	auto_strv all = STRV_INIT;
	size_t worst = 0;
	struct error e;
	json_t *list;
	int r = slug_options(g, argc, argv, "jBT", 0, -1);

	if (r)
		return r;
	if (slug_open(g, "verify", &e) < 0)
		return slug_fail(&e);
	r = verify_names(g, argc - optind, argv + optind, &all);
	if (r)
		return r;
	if (optind == argc && store_list(g->store, &all, &e) < 0)
		return slug_fail(&e);

	list = json_array();
	for (size_t i = 0; i < all.n; i++) {
		r = verify_one(g, all.v[i], optind < argc, list);
		for (size_t k = worst; k < ARRAY_SIZE(worse); k++)
			worst = worse[k] == r ? k : worst;
	}
	if (g->json) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(list);
	return worse[worst];
}
