/*
 * dyno-slug - the slug store's command, and the supervisor's slug job.
 *
 * The last line on standard error is the one sentence which says what went
 * wrong. Run by root, it becomes the owner of the store first, so that
 * nothing in there is left in root's name.
 */
#include "base/error.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/strv.h"
#include "base/verb.h"
#include "slugstore/fetch.h"
#include "slugstore/progress.h"
#include "slugstore/store.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

#define EXIT_ABSENT 3
#define SLUG_BLOCK (256 * 1024)
#define SLUG_HEADERS_MAX 65536

struct slug {
	const char *dir;		/* --store */
	struct store *store;
	struct progress progress;
	/* options of verbs */
	const char *sha256, *unix_socket;
	struct strv headers;
	bool json;
};

static int slug_fail(const struct error *e)
{
	fprintf(stderr, "dyno-slug: %s\n", e->msg);
	return e->code == EDESTADDRREQ ? EXIT_USAGE : EXIT_FAILURE;
}

static int slug_absent(const char *sha256)
{
	fprintf(stderr, "dyno-slug: no slug %s here\n", sha256);
	return EXIT_ABSENT;
}

static int slug_usage(const char *text)
{
	fprintf(stderr, "dyno-slug: %s; try \"dyno-slug help\"\n", text);
	return EXIT_USAGE;
}

/* "Name: value", or "@FILE" with one a line: for what is secret. */
static int slug_add_header(struct slug *g, const char *text, struct error *e)
{
	auto_buf file = BUF_INIT;
	char *line, *rest;
	int r;

	if (*text != '@') {
		strv_add(&g->headers, text);
		return 0;
	}
	r = file_read(AT_FDCWD, text + 1, SLUG_HEADERS_MAX, &file, e);
	if (r < 0)
		return r;
	rest = file.data;
	while ((line = strsep(&rest, "\r\n")))
		if (*line)
			strv_add(&g->headers, line);
	return 0;
}

/* The options that a verb takes are letters of allowed; 0 or exit status. */
static int slug_options(struct slug *g, int argc, char **argv,
			const char *allowed, int min, int max)
{
	static const struct option options[] = {
		{ "sha256", required_argument, NULL, 's' },
		{ "unix", required_argument, NULL, 'u' },
		{ "header", required_argument, NULL, 'H' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	struct error e;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return EXIT_USAGE;
		if (!strchr(allowed, c))
			return slug_usage("this verb does not take that option");
		if (c == 's')
			g->sha256 = optarg;
		else if (c == 'u')
			g->unix_socket = optarg;
		else if (c == 'j')
			g->json = true;
		else if (slug_add_header(g, optarg, &e) < 0)
			return slug_fail(&e);
	}
	argc -= optind;
	if (argc < min || (max >= 0 && argc > max))
		return slug_usage("wrong number of arguments");
	if (g->sha256 && !id_is_sha256(g->sha256))
		return slug_usage("--sha256 wants 64 lower-case hex digits");
	return 0;
}

static int slug_become_owner(const char *dir, struct error *e)
{
	struct stat st;

	if (geteuid() != 0 || stat(dir, &st) < 0 || st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(st.st_gid, st.st_gid, st.st_gid)
	    || setresuid(st.st_uid, st.st_uid, st.st_uid))
		return error_sys(e, "become the owner of %s", dir);
	return 0;
}

static int slug_open(struct slug *g, const char *what, struct error *e)
{
	int r;

	if (!g->dir)
		return error_set(e, EDESTADDRREQ, "no store given: use"
				 " --store DIR");
	r = slug_become_owner(g->dir, e);
	if (r >= 0)
		r = store_open(&g->store, g->dir, e);
	if (r < 0)
		return r;
	g->progress = PROGRESS_INIT(what);
	store_on_progress(g->store, progress_step, &g->progress);
	return 0;
}

static int slug_open_input(const char *path, int *ret_fd, uint64_t *ret_size,
			   struct error *e)
{
	struct stat st;
	int fd = str_eq(path, "-") ? STDIN_FILENO
				   : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(e, "open %s", path);
	*ret_fd = fd;
	*ret_size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	return 0;
}

static int slug_import(struct slug *g, int fd, uint64_t size,
		       char ret[SHA256_HEX_MAX], struct error *e)
{
	auto_(store_import_free_p) struct store_import *imp = NULL;
	auto_free char *block = xmalloc(SLUG_BLOCK);
	uint64_t done = 0;
	ssize_t n;
	int r = store_import_begin(g->store, FETCH_BYTES_MAX, &imp, e);

	while (r >= 0 && (n = read(fd, block, SLUG_BLOCK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "read");
		r = store_import_write(imp, block, (size_t)n, e);
		done += (uint64_t)n;
		progress_step(done, size, &g->progress);
	}
	progress_end(&g->progress);
	if (r < 0)
		return r;
	return store_import_finish(imp, g->sha256, ret, NULL, e);
}

static int slug_do_import(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	char sha256[SHA256_HEX_MAX];
	uint64_t size = 0;
	struct error e;
	int fd, r = slug_options(g, argc, argv, "s", 1, 1);

	if (r)
		return r;
	if (slug_open_input(argv[optind], &fd, &size, &e) < 0 ||
	    slug_open(g, "import", &e) < 0 ||
	    slug_import(g, fd, size, sha256, &e) < 0)
		return slug_fail(&e);
	printf("%s\n", sha256);
	return EXIT_SUCCESS;
}

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

static int slug_do_fetch(int argc, char **argv, void *userdata)
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

static int slug_do_unpack(int argc, char **argv, void *userdata)
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

static int slug_do_get(int argc, char **argv, void *userdata)
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

static int slug_do_check(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	uint64_t size, entries, bytes;
	struct error e;
	int fd, r = slug_options(g, argc, argv, "", 1, 1);

	if (r)
		return r;
	if (slug_open_input(argv[optind], &fd, &size, &e) < 0 ||
	    store_check(fd, &entries, &bytes, &e) < 0)
		return slug_fail(&e);
	printf("%" PRIu64 " entries, %" PRIu64 " bytes\n", entries, bytes);
	return EXIT_SUCCESS;
}

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

static int slug_do_ls(int argc, char **argv, void *userdata)
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

static int slug_do_verify(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	auto_strv all = STRV_INIT;
	int status = EXIT_SUCCESS;
	struct error e;
	int r = slug_options(g, argc, argv, "", 0, -1);

	if (r)
		return r;
	for (int i = optind; i < argc; i++)
		strv_add(&all, argv[i]);
	r = slug_open(g, "verify", &e);
	if (r >= 0 && all.n == 0)
		r = store_list(g->store, &all, &e);
	if (r < 0)
		return slug_fail(&e);

	/* One that is damaged does not spare us the others. */
	for (size_t i = 0; i < all.n; i++) {
		r = store_verify(g->store, all.v[i], &e);
		progress_end(&g->progress);
		if (r < 0)
			status = slug_fail(&e);
		else if (r == STORE_ABSENT && status == EXIT_SUCCESS)
			status = slug_absent(all.v[i]);
	}
	return status;
}

static int slug_do_rm(int argc, char **argv, void *userdata)
{
	struct slug *g = userdata;
	const char *sha256;
	struct error e;
	int has_blob, has_tree, r = slug_options(g, argc, argv, "", 1, 1);

	if (r)
		return r;
	sha256 = argv[optind];
	if (slug_open(g, "", &e) < 0)
		return slug_fail(&e);
	has_blob = store_has(g->store, sha256, NULL, &e);
	has_tree = has_blob < 0 ? -1 : store_has_tree(g->store, sha256, &e);
	if (has_blob < 0 || has_tree < 0)
		return slug_fail(&e);
	if (store_remove(g->store, sha256, &e) < 0)
		return slug_fail(&e);
	return has_blob && has_tree ? slug_absent(sha256) : EXIT_SUCCESS;
}

static const struct verb slug_verbs[] = {
	{ "import", 1, 1, slug_do_import, "[--sha256 HEX] FILE|-",
	  "put a slug file into the store and print its SHA-256" },
	{ "fetch", 1, 1, slug_do_fetch,
	  "[--sha256 HEX] [--unix SOCKET] [--header H] URL",
	  "download a slug into the store and print its SHA-256" },
	{ "unpack", 1, 1, slug_do_unpack, "SHA256",
	  "unpack a slug of the store" },
	{ "get", 2, 2, slug_do_get, "[--unix SOCKET] [--header H] SHA256 URL",
	  "download a slug if it is absent, and unpack it" },
	{ "check", 1, 1, slug_do_check, "FILE",
	  "tell whether a slug file could be unpacked" },
	{ "ls", 0, 0, slug_do_ls, "[--json]", "list the slugs" },
	{ "verify", 0, -1, slug_do_verify, "[SHA256...]",
	  "read slugs again and compare their SHA-256; no name: all" },
	{ "rm", 1, 1, slug_do_rm, "SHA256",
	  "remove a slug that nobody uses" },
};

static int slug_main(struct slug *g, int argc, char **argv)
{
	static const struct option options[] = {
		{ "store", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 's') {
			g->dir = optarg;
		} else if (c == 'h') {
			verb_usage("dyno-slug --store DIR", slug_verbs,
				   ARRAY_SIZE(slug_verbs), false);
			return EXIT_SUCCESS;
		} else if (c == 'v') {
			printf("dyno-slug %s\n", DYNO_VERSION);
			return EXIT_SUCCESS;
		} else {
			return EXIT_USAGE;
		}
	}
	return verb_run("dyno-slug", slug_verbs, ARRAY_SIZE(slug_verbs),
			argc - optind, argv + optind, g);
}

int main(int argc, char **argv)
{
	struct slug g = { .progress = PROGRESS_INIT("") };
	int status;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	status = slug_main(&g, argc, argv);
	if (fflush(stdout) != 0 && status == EXIT_SUCCESS) {
		fprintf(stderr, "dyno-slug: write the result: %s\n",
			strerror(errno));
		status = EXIT_FAILURE;
	}
	strv_deinit(&g.headers);
	store_free(g.store);
	curl_global_cleanup();
	return status;
}
