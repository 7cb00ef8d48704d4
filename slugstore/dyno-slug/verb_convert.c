/*
 * verb_convert.c - a slug becomes an image, which is checked before it gets its
 * name.
 */
#include "slugstore/dyno-slug/slug.h"
#include "base/error.h"
#include "base/verb.h"
#include "slugstore/pack/convert.h"
#include "slugstore/pack/output.h"
#include "slugstore/unpack/inflate.h"
#include "slugstore/unpack/limits.h"
#include "slugstore/unpack/sandbox_unpack.h"
#include "slugstore/unpack/unpack.h"

#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

static bool convert_kind(const char *name, enum image_kind *ret)
{
	*ret = IMAGE_NONE;
	if (!name || str_eq(name, image_kind_name(IMAGE_EROFS)))
		*ret = IMAGE_EROFS;
	else if (str_eq(name, image_kind_name(IMAGE_SQUASHFS)))
		*ret = IMAGE_SQUASHFS;
	return *ret != IMAGE_NONE;
}

/* A blob of the store by its name, anything else is a file. Only to be read: we
 * stay who we are, since the output is the caller's. 0, or exit status. */
static int convert_open(const struct slug *g, const char *what, int *ret_fd)
{
	auto_free char *path = NULL;
	struct error e;

	if (id_is_sha256(what) && !g->dir)
		return slug_usage("that is a slug of a store: use --store DIR");
	path = id_is_sha256(what) ? xasprintf("%s/blobs/%s", g->dir, what)
				  : xstrdup(what);
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*ret_fd >= 0)
		return 0;
	if (errno == ENOENT && id_is_sha256(what))
		return slug_absent(what);
	error_sys(&e, "open %s", path);
	return slug_fail(&e);
}

static int convert_output(struct slug *g, struct convert *c, struct output *out,
			  struct unpack_result *ret, struct error *e)
{
	const struct inflate_source src = {
		.fd = out->fd, .limits = &limits_slug,
	};
	int r;

	c->image_fd = out->fd;
	c->on_progress = progress_step;
	c->userdata = &g->progress;
	g->progress = PROGRESS_INIT("unpack");
	r = convert_run(c, e);
	progress_end(&g->progress);
	if (r == 0)
		r = error_prefix(e, sandbox_unpack(&src, -1, -1, ret, e),
				 "the image would not be accepted");
	return r < 0 ? r : output_publish(out, e);
}

/* As that of create. */
static void convert_print(const struct slug *g, const struct output *out,
			  const struct unpack_result *res)
{
	FILE *to = str_eq(out->path, "-") ? stderr : stdout;
	json_t *all;

	if (!g->json) {
		fprintf(to, "%s\n", res->sha256);
		return;
	}
	all = json_pack("{s:s, s:I, s:s, s:I}", "sha256", res->sha256,
			"size", (json_int_t)res->bytes,
			"format", image_kind_name(res->image),
			"entries", (json_int_t)res->entries);
	json_dumpf(all, to, JSON_COMPACT);
	fputc('\n', to);
	json_decref(all);
}

int slug_do_convert(int argc, char **argv, void *userdata)
{
	auto_(output_deinit) struct output out = OUTPUT_INIT;
	struct convert c = { .slug_fd = -1 };
	struct slug *g = userdata;
	struct unpack_result res;
	struct error e;
	int r = slug_options(g, argc, argv, "oFj", 1, 1);

	if (r)
		return r;
	if (!convert_kind(g->format, &c.kind))
		return slug_usage("--format is erofs or squashfs");
	r = convert_open(g, argv[optind], &c.slug_fd);
	if (r)
		return r;
	r = output_open(&out, g->output ? g->output : "-", &e);
	if (r == 0)
		r = convert_output(g, &c, &out, &res, &e);
	fd_close(c.slug_fd);
	if (r < 0)
		return slug_fail(&e);
	convert_print(g, &out, &res);
	return EXIT_SUCCESS;
}
