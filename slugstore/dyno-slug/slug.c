/*
 * slug.c - options, store and messages of dyno-slug.
 *
 * The last line on standard error is the one sentence which says what went
 * wrong.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/verb.h"
#include "slugstore/dyno-slug/slug.h"
#include "slugstore/space/collect.h"
#include "slugstore/store.h"
#include "slugstore/transfer/source.h"

#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>

#define SLUG_HEADERS_MAX 65536

int slug_fail(const struct error *e)
{
	static const struct { int code, status; } table[] = {
		{ EDESTADDRREQ, EXIT_USAGE },
		{ EBADMSG, EXIT_DIGEST },
		{ ENOSPC, EXIT_SPACE },
	};

	fprintf(stderr, "dyno-slug: %s\n", e->msg);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (e->code == table[i].code)
			return table[i].status;
	return EXIT_FAILURE;
}

int slug_absent(const char *sha256)
{
	fprintf(stderr, "dyno-slug: no slug %s here\n", sha256);
	return EXIT_ABSENT;
}

int slug_usage(const char *text)
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
	explicit_bzero(file.data, file.len);
	return 0;
}

/* The options that a verb takes are letters of allowed; 0 or exit status. */
int slug_options(struct slug *g, int argc, char **argv,
			const char *allowed, int min, int max)
{
	static const struct option options[] = {
		{ "sha256", required_argument, NULL, 's' },
		{ "unix", required_argument, NULL, 'u' },
		{ "header", required_argument, NULL, 'H' },
		{ "ca", required_argument, NULL, 'C' },
		{ "cert", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'K' },
		{ "proxy", required_argument, NULL, 'P' },
		{ "json", no_argument, NULL, 'j' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "blobs", no_argument, NULL, 'B' },
		{ "trees", no_argument, NULL, 'T' },
		{ "high-bytes", required_argument, NULL, 'M' },
		{ "low-bytes", required_argument, NULL, 'M' },
		{ "high-inodes", required_argument, NULL, 'M' },
		{ "low-inodes", required_argument, NULL, 'M' },
		{ "high-percent", required_argument, NULL, 'M' },
		{ "low-percent", required_argument, NULL, 'M' },
		{ "output", required_argument, NULL, 'o' },
		{ "compress", required_argument, NULL, 'z' },
		{ "level", required_argument, NULL, 'l' },
		{ "times", required_argument, NULL, 't' },
		{ "format", required_argument, NULL, 'F' },
		{ 0 },
	};
	struct error e;
	int c, which;

	while ((c = getopt_long(argc, argv, "", options, &which)) != -1) {
		if (c == '?')
			return EXIT_USAGE;
		if (!strchr(allowed, c))
			return slug_usage("this verb does not take that option");
		if (c == 's')
			g->sha256 = optarg;
		else if (c == 'u')
			g->unix_socket = optarg;
		else if (c == 'C')
			g->ca_file = optarg;
		else if (c == 'c')
			g->cert_file = optarg;
		else if (c == 'K')
			g->key_file = optarg;
		else if (c == 'P')
			g->proxy = optarg;
		else if (c == 'j')
			g->json = true;
		else if (c == 'n')
			g->dry_run = true;
		else if (c == 'B')
			g->blobs = true;
		else if (c == 'T')
			g->trees = true;
		else if (c == 'M')
			strv_addf(&g->marks, "%s=%s", options[which].name,
				  optarg);
		else if (c == 'o')
			g->output = optarg;
		else if (c == 'z')
			g->compress = optarg;
		else if (c == 'l')
			g->level = optarg;
		else if (c == 't')
			g->times = optarg;
		else if (c == 'F')
			g->format = optarg;
		else if (slug_add_header(g, optarg, &e) < 0)
			return slug_fail(&e);
	}
	argc -= optind;
	if (argc < min || (max >= 0 && argc > max))
		return slug_usage("wrong number of arguments");
	if (g->sha256 && !id_is_sha256(g->sha256))
		return slug_usage("--sha256 wants 64 lower-case hex digits");
	if (slugs_conf_override(&g->conf, &g->marks, &e) < 0)
		return slug_usage(e.msg);
	return 0;
}

void slug_forget(struct slug *g)
{
	for (size_t i = 0; i < g->headers.n; i++)
		explicit_bzero(g->headers.v[i], strlen(g->headers.v[i]));
	if (g->source)
		source_forget(g->source);
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

int slug_open(struct slug *g, const char *what, struct error *e)
{
	int r;

	if (!g->dir)
		return error_set(e, EDESTADDRREQ, "no store given: use"
				 " --store DIR");
	r = slug_become_owner(g->dir, e);
	if (r >= 0)
		r = store_open(&g->store, g->dir, e);
	if (r >= 0)
		r = store_set_marks(g->store, &g->conf.marks, e);
	if (r < 0)
		return r;
	g->progress = PROGRESS_INIT(what);
	store_on_progress(g->store, progress_step, &g->progress);
	return 0;
}

int slug_open_input(const char *path, int *ret_fd, uint64_t *ret_size,
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
