/*
 * dyno-slug - the slug store's command, and the supervisor's slug job: the table of
 * its verbs.
 */
#include "slugstore/dyno-slug/slug.h"
#include "base/error.h"
#include "base/verb.h"
#include "slugstore/store.h"

#include <curl/curl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>

static const struct verb slug_verbs[] = {
	{ "import", 1, 1, slug_do_import, "[--sha256 HEX] FILE|-",
	  "put a slug file into the store and print its SHA-256" },
	{ "fetch", 1, 1, slug_do_fetch,
	  "[--sha256 HEX] [--unix SOCKET] [--header H] [--ca FILE]\n"
	  "        [--cert FILE] [--key FILE] [--proxy URL] SOURCE",
	  "download a slug into the store and print its SHA-256" },
	{ "unpack", 1, 1, slug_do_unpack, "SHA256",
	  "unpack a slug of the store" },
	{ "get", 2, 2, slug_do_get,
	  "[--unix SOCKET] [--header H] [--ca FILE] [--cert FILE] [--key FILE]\n"
	  "        [--proxy URL] SHA256 SOURCE",
	  "download a slug if it is absent, and unpack it" },
	{ "check", 1, 1, slug_do_check, "FILE",
	  "tell whether a slug file could be unpacked" },
	{ "convert", 1, 1, slug_do_convert,
	  "[--output FILE] [--format erofs|squashfs] [--json] FILE|SHA256",
	  "make an image of a slug and print its SHA-256" },
	{ "create", 1, 1, slug_do_create,
	  "[--output FILE] [--compress gzip|zstd|xz|none] [--level N] "
	  "[--times keep|fixed] [--json] DIR",
	  "make a slug of a directory and print its SHA-256" },
	{ "ls", 0, 0, slug_do_ls, "[--json]", "list the slugs" },
	{ "show", 1, 1, slug_do_show, "[--json] SHA256",
	  "tell all about a slug" },
	{ "du", 0, 0, slug_do_du, "[--json]",
	  "tell what the slugs and the store take on the disk" },
	{ "gc", 0, 0, slug_do_gc,
	  "[--dry-run] [--json] [--high-bytes N] [--low-percent N]...",
	  "remove what was not used for longest, down to the low marks" },
	{ "verify", 0, -1, slug_do_verify, "[--blobs] [--trees] [--json] [SHA256...]",
	  "check blobs and trees, and set aside what is damaged; no name: all" },
	{ "put", 2, 2, slug_do_put, "SHA256 s3://BUCKET/KEY",
	  "upload a slug of the store" },
	{ "keep", 0, -1, slug_do_keep, "[SHA256...]",
	  "pin exactly these slugs: they are neither collected nor removed" },
	{ "rm", 1, 1, slug_do_rm, "SHA256|s3://BUCKET/KEY",
	  "remove a slug that nobody uses, or an object" },
};

static int slug_main(struct slug *g, int argc, char **argv)
{
	static const struct option options[] = {
		{ "store", required_argument, NULL, 's' },
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	const char *config = NULL;
	struct error e;
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 's') {
			g->dir = optarg;
		} else if (c == 'c') {
			config = optarg;
		} else if (c == 'h') {
			verb_usage("dyno-slug --store DIR [--config FILE]", slug_verbs,
				   ARRAY_SIZE(slug_verbs), false);
			return EXIT_SUCCESS;
		} else if (c == 'v') {
			printf("dyno-slug %s\n", DYNO_VERSION);
			return EXIT_SUCCESS;
		} else {
			return EXIT_USAGE;
		}
	}
	if (slugs_conf_load(&g->conf, config, &e) < 0)
		return slug_fail(&e);
	return verb_run("dyno-slug", slug_verbs, ARRAY_SIZE(slug_verbs),
			argc - optind, argv + optind, g);
}

/* What the handler of fork(2) knows: it gets no argument. */
static struct slug *slug_process;

/* A child by fork(2), not exec(2), is a sandbox: see unpack/sandbox.h. */
static void on_slug_fork(void)
{
	slug_forget(slug_process);
}

int main(int argc, char **argv)
{
	struct slug g = {
		.progress = PROGRESS_INIT(""), .conf = SLUGS_CONF_INIT,
	};
	int status;

	slug_process = &g;
	pthread_atfork(NULL, NULL, on_slug_fork);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	status = slug_main(&g, argc, argv);
	if (fflush(stdout) != 0 && status == EXIT_SUCCESS) {
		fprintf(stderr, "dyno-slug: write the result: %s\n",
			strerror(errno));
		status = EXIT_FAILURE;
	}
	strv_deinit(&g.headers);
	strv_deinit(&g.marks);
	slugs_conf_deinit(&g.conf);
	store_free(g.store);
	curl_global_cleanup();
	return status;
}
