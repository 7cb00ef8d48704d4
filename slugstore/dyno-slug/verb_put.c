/*
 * verb_put.c - a blob of the store goes to an object store.
 */
#include "slugstore/dyno-slug/slug.h"
#include "base/error.h"
#include "slugstore/store.h"
#include "slugstore/transfer/target.h"
#include "slugstore/transfer/upload.h"

#include <getopt.h>

static int slug_put(struct slug *g, const char *sha256,
		    const struct target *target)
{
	auto_close int fd = -1;
	struct upload what = {
		.target = target, .sha256 = sha256,
		.on_progress = progress_step, .userdata = &g->progress,
	};
	struct error e;
	int r = slug_open(g, "upload", &e);

	if (r >= 0)
		r = store_open_blob(g->store, sha256, &fd, &what.size, &e);
	if (r == STORE_ABSENT)
		return slug_absent(sha256);
	if (r >= 0) {
		what.fd = fd;
		r = upload_run(&what, &e);
		progress_end(&g->progress);
	}
	return r < 0 ? slug_fail(&e) : EXIT_SUCCESS;
}

int slug_do_put(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	struct target target = TARGET_INIT;
	struct target_spec spec = { .conf = &g->conf };
	struct error e;
	int r = slug_options(g, argc, argv, "", 2, 2);

	if (r)
		return r;
	spec.address = argv[optind + 1];
	/* First: the secret may be open to us and not to the store's owner. */
	if (target_init(&target, &spec, &e) < 0)
		return slug_fail(&e);
	r = slug_put(g, argv[optind], &target);
	target_deinit(&target);
	return r;
}
