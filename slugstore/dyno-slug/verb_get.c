/*
 * verb_get.c - fetch, unpack, and both: get is the slug job of the worker host.
 */
#include "base/error.h"
#include "slugstore/dyno-slug/slug.h"
#include "slugstore/space/damaged.h"
#include "slugstore/store.h"
#include "slugstore/transfer/fetch.h"
#include "slugstore/transfer/source.h"
#include "slugstore/transfer/target.h"

#include <getopt.h>
#include <stdio.h>

#define GET_TRIES 3

int slug_open_source(struct slug *g, const char *address, const char *what,
		     struct source **ret)
{
	const struct target_spec spec = {
		.address = address, .unix_socket = g->unix_socket,
		.headers = &g->headers, .conf = &g->conf,
		.peer = { g->ca_file, g->cert_file, g->key_file, g->proxy },
	};
	struct error e;

	/* First: a file or a secret may be open to us and not to the owner. */
	if (source_new(ret, &spec, &e) < 0)
		return slug_fail(&e);
	g->source = *ret;
	return slug_open(g, what, &e) < 0 ? slug_fail(&e) : 0;
}

int slug_fetch(struct slug *g, struct source *src, const char *expected,
	       char ret[SHA256_HEX_MAX])
{
	const struct fetch what = {
		.source = src, .sha256 = expected, .conf = &g->conf,
		.on_progress = progress_step, .userdata = &g->progress,
	};
	struct error e;
	int r = fetch_run(g->store, &what, ret, &e);

	progress_end(&g->progress);
	if (r < 0)
		return slug_fail(&e);
	if (r != FETCH_ABSENT)
		return 0;
	fprintf(stderr, "dyno-slug: fetch %s: the server has no such slug\n",
		source_name(src));
	return EXIT_ABSENT;
}

int slug_do_fetch(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	auto_(source_free_p) struct source *src = NULL;
	char sha256[SHA256_HEX_MAX];
	int r = slug_options(g, argc, argv, "suHCcKP", 1, 1);

	if (r == 0)
		r = slug_open_source(g, argv[optind], "download", &src);
	if (r == 0)
		r = slug_fetch(g, src, g->sha256, sha256);
	if (r == 0)
		printf("%s\n", sha256);
	return r;
}

/* 0, STORE_ABSENT or < 0. */
static int slug_unpack(struct slug *g, const char *sha256, struct error *e)
{
	char reason[ERROR_MSG_MAX];
	int r = store_has_tree(g->store, sha256, e);

	if (r <= 0)
		return r;
	g->progress = PROGRESS_INIT("unpack");
	r = store_unpack(g->store, sha256, e);
	progress_end(&g->progress);
	if (r == 0 && damaged_tell(g->store, sha256, reason, sizeof(reason)))
		fprintf(stderr, "dyno-slug: slug %s was damaged (%s), and has been"
			" unpacked anew\n", sha256, reason);
	return r;
}

static int slug_tell_unpacked(int r, const char *sha256, const struct error *e)
{
	if (r < 0)
		return slug_fail(e);
	return r == STORE_ABSENT ? slug_absent(sha256) : EXIT_SUCCESS;
}

int slug_do_unpack(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	char sha256[SHA256_HEX_MAX];
	struct error e;
	int r = slug_options(g, argc, argv, "", 1, 1);

	if (r)
		return r;
	if (slug_open(g, "unpack", &e) < 0)
		return slug_fail(&e);
	r = slug_name(g, argv[optind], sha256);
	if (r)
		return r;
	r = slug_unpack(g, sha256, &e);
	return slug_tell_unpacked(r, sha256, &e);
}

/* Also once more: its blob may have turned out to be damaged, and been set aside;
 * or without a pin, a collector has taken it before we could unpack it. */
static bool slug_is_to_be_got(struct slug *g, const char *sha256, int r)
{
	return r == STORE_ABSENT ||
	       (r == -EBADMSG &&
		store_has(g->store, sha256, NULL, NULL) == STORE_ABSENT);
}

int slug_do_get(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	auto_(source_free_p) struct source *src = NULL;
	char sha256[SHA256_HEX_MAX];
	const char *wanted;
	struct error e;
	int r = slug_options(g, argc, argv, "uHCcKP", 2, 2);

	if (r)
		return r;
	wanted = argv[optind];
	r = slug_open_source(g, argv[optind + 1], "download", &src);
	if (r)
		return r;
	r = store_has_tree(g->store, wanted, &e);
	if (r < 0)
		return slug_fail(&e);
	for (int i = 0; slug_is_to_be_got(g, wanted, r) && i < GET_TRIES; i++) {
		r = slug_fetch(g, src, wanted, sha256);
		if (r)
			return r;
		r = slug_unpack(g, wanted, &e);
	}
	/* Not "absent": its source has it. */
	if (r == STORE_ABSENT)
		r = error_set(&e, EAGAIN, "slug %s was collected each time before"
			      " it was unpacked", wanted);
	return slug_tell_unpacked(r, wanted, &e);
}
