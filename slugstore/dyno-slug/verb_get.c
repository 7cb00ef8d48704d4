/*
 * verb_get.c - fetch, unpack, and both: get is the slug job of the worker host.
 */
#include "slugstore/dyno-slug/slug.h"
#include "base/error.h"
#include "slugstore/store.h"
#include "slugstore/transfer/fetch.h"

#include <getopt.h>
#include <stdio.h>

/* 0 and the digest, or exit status. */
static int slug_fetch(struct slug *g, const char *url, const char *expected,
		      char ret[SHA256_HEX_MAX])
{
	const struct fetch what = {
		.url = url, .unix_socket = g->unix_socket,
		.headers = &g->headers, .sha256 = expected,
	};
	struct error e;
	int r = fetch_run(g->store, &what, ret, &e);

	if (r < 0)
		return slug_fail(&e);
	if (r != FETCH_ABSENT)
		return 0;
	fprintf(stderr, "dyno-slug: fetch %s: the server has no such slug\n",
		url);
	return EXIT_ABSENT;
}

int slug_do_fetch(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	char sha256[SHA256_HEX_MAX];
	struct error e;
	int r = slug_options(g, argc, argv, "suH", 1, 1);

	if (r)
		return r;
	if (slug_open(g, "download", &e) < 0)
		return slug_fail(&e);
	r = slug_fetch(g, argv[optind], g->sha256, sha256);
	if (r == 0)
		printf("%s\n", sha256);
	return r;
}

static int slug_unpack(struct slug *g, const char *sha256)
{
	struct error e;
	int r;

	g->progress = PROGRESS_INIT("unpack");
	r = store_unpack(g->store, sha256, &e);
	progress_end(&g->progress);
	if (r < 0)
		return slug_fail(&e);
	return r == STORE_ABSENT ? slug_absent(sha256) : EXIT_SUCCESS;
}

int slug_do_unpack(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	struct error e;
	int r = slug_options(g, argc, argv, "", 1, 1);

	if (r)
		return r;
	if (slug_open(g, "unpack", &e) < 0)
		return slug_fail(&e);
	return slug_unpack(g, argv[optind]);
}

int slug_do_get(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	char sha256[SHA256_HEX_MAX];
	const char *wanted;
	struct error e;
	int r = slug_options(g, argc, argv, "uH", 2, 2);

	if (r)
		return r;
	wanted = argv[optind];
	if (slug_open(g, "unpack", &e) < 0)
		return slug_fail(&e);
	r = store_has_tree(g->store, wanted, &e);
	if (r == STORE_ABSENT)
		r = store_has(g->store, wanted, NULL, &e);
	if (r < 0)
		return slug_fail(&e);
	if (r == STORE_ABSENT) {
		r = slug_fetch(g, argv[optind + 1], wanted, sha256);
		if (r)
			return r;
	}
	return slug_unpack(g, wanted);
}
