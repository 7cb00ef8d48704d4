/*
 * verb_create.c - a directory becomes a slug file, by which it is accepted
 * again: what has been written is checked before it gets its name.
 */
#include "slugstore/dyno-slug/slug.h"
#include "base/error.h"
#include "base/verb.h"
#include "slugstore/pack/output.h"
#include "slugstore/pack/pack.h"
#include "slugstore/unpack/inflate.h"
#include "slugstore/unpack/limits.h"
#include "slugstore/unpack/sandbox_unpack.h"
#include "slugstore/unpack/unpack.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

struct create {
	struct slug *g;
	struct output out;
	struct pack_spec spec;
	struct pack_result packed;
	struct unpack_result checked;
	struct stat own[2];		/* the output, old and new */
	uint64_t size;
};

static void create_deinit(struct create *c)
{
	output_deinit(&c->out);
	pack_result_deinit(&c->packed);
}

/* ---- arguments ---- */

static bool create_number(const char *text, int64_t max, int64_t *ret)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || *end || end == text || *text < '0' || *text > '9' || n > max)
		return false;
	*ret = n;
	return true;
}

/* 0, or exit status. */
static int create_filter(struct create *c)
{
	const char *name = c->g->compress ? c->g->compress : "gzip";
	int64_t level = -1;
	char text[80];
	int min, max;

	if (!tarball_filter_find(name, &c->spec.filter))
		return slug_usage("--compress is gzip, zstd, xz or none");
	if (c->g->level) {
		tarball_filter_levels(c->spec.filter, &min, &max);
		snprintf(text, sizeof(text), "--level of %s is %d to %d", name,
			 min, max);
		if (!create_number(c->g->level, max, &level) || level < min)
			return slug_usage(text);
	}
	c->spec.level = (int)level;
	return 0;
}

/* 0, or exit status. */
static int create_times(struct create *c)
{
	const char *times = c->g->times ? c->g->times : "fixed";
	const char *epoch = getenv("SOURCE_DATE_EPOCH");

	c->spec.keep_times = str_eq(times, "keep");
	if (!c->spec.keep_times && !str_eq(times, "fixed"))
		return slug_usage("--times is keep or fixed");
	c->spec.epoch_sec = c->spec.keep_times ? -1 : PACK_EPOCH_SEC;
	if (!epoch || create_number(epoch, INT32_MAX, &c->spec.epoch_sec))
		return 0;
	fprintf(stderr, "dyno-slug: SOURCE_DATE_EPOCH is not a number of seconds:"
		" %.40s\n", epoch);
	return EXIT_USAGE;
}

/* ---- work ---- */

/* The output may lie in the directory. */
static void create_except(struct create *c)
{
	if (fstat(c->out.fd, &c->own[0]) == 0)
		c->spec.n_except = 1;
	if (!str_eq(c->out.path, "-") && stat(c->out.path, &c->own[1]) == 0)
		c->spec.n_except = 2;
	c->spec.except = c->own;
}

static int create_check(struct create *c, struct error *e)
{
	const struct inflate_source src = {
		.fd = c->out.fd, .limits = &limits_slug,
		.on_progress = progress_step, .userdata = &c->g->progress,
	};
	struct stat st;

	c->g->progress = PROGRESS_INIT("check");
	if (fstat(c->out.fd, &st) < 0)
		return error_sys(e, "look at the slug");
	c->size = (uint64_t)st.st_size;
	return error_prefix(e, sandbox_unpack(&src, -1, -1, &c->checked, e),
			    "the slug would not be accepted");
}

static int create_run(struct create *c, const char *dir, struct error *e)
{
	int r = output_open(&c->out, c->g->output ? c->g->output : "-", e);

	if (r < 0)
		return r;
	create_except(c);
	c->spec.dir = dir;
	c->spec.out_fd = c->out.fd;
	c->spec.on_progress = progress_step;
	c->spec.userdata = &c->g->progress;
	c->g->progress = PROGRESS_INIT("pack");
	r = pack_directory(&c->spec, &c->packed, e);
	progress_end(&c->g->progress);
	if (r == 0)
		r = create_check(c, e);
	progress_end(&c->g->progress);
	return r < 0 ? r : output_publish(&c->out, e);
}

/* ---- results ---- */

static void create_tell(const struct create *c)
{
	const struct pack_result *p = &c->packed;
	char quoted[ENTRY_QUOTE_MAX];

	if (c->g->json)
		return;
	for (size_t i = 0; i < p->skipped.n; i++)
		fprintf(stderr, "dyno-slug: left out %s: neither file, directory"
			" nor link\n", entry_quote(quoted, p->skipped.v[i]));
	if (p->n_skipped > p->skipped.n)
		fprintf(stderr, "dyno-slug: left out %" PRIu64 " more\n",
			p->n_skipped - p->skipped.n);
	if (p->ignored && isatty(STDERR_FILENO))
		fprintf(stderr, "-----> Deleting %" PRIu64 " files matching "
			".slugignore patterns.\n", p->ignored);
}

/* The result is behind the slug if that goes to standard output: there it goes
 * to standard error. */
static void create_print(const struct create *c)
{
	const struct pack_result *p = &c->packed;
	FILE *to = str_eq(c->out.path, "-") ? stderr : stdout;
	char quoted[ENTRY_QUOTE_MAX];
	json_t *all, *skipped;

	if (!c->g->json) {
		fprintf(to, "%s\n", c->checked.sha256);
		return;
	}
	skipped = json_array();
	for (size_t i = 0; i < p->skipped.n; i++)
		json_array_append_new(skipped, json_string(
			entry_quote(quoted, p->skipped.v[i])));
	all = json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
			"sha256", c->checked.sha256,
			"size", (json_int_t)c->size,
			"compress", tarball_filter_name(c->spec.filter),
			"entries", (json_int_t)p->entries,
			"files", (json_int_t)p->files,
			"bytes", (json_int_t)p->bytes,
			"ignored", (json_int_t)p->ignored,
			"dropped", (json_int_t)p->dropped,
			"left_out", (json_int_t)p->n_skipped,
			"left_out_paths", skipped);
	json_dumpf(all, to, JSON_COMPACT);
	fputc('\n', to);
	json_decref(all);
}

int slug_do_create(int argc, char **argv, void *userdata)
{
	auto_(create_deinit) struct create c = {
		.g = userdata, .out = OUTPUT_INIT, .packed = PACK_RESULT_INIT,
	};
	struct error e;
	int r = slug_options(userdata, argc, argv, "ozltj", 1, 1);

	if (r == 0)
		r = create_filter(&c);
	if (r == 0)
		r = create_times(&c);
	if (r)
		return r;
	r = create_run(&c, argv[optind], &e);
	create_tell(&c);
	if (r < 0)
		return slug_fail(&e);
	create_print(&c);
	return EXIT_SUCCESS;
}
