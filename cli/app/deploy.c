/*
 * deploy.c - a slug, or a directory that becomes one, is made a release.
 *
 * The slug is a file in the end, also for a directory: its checksum has to be
 * known before the upload, and the upload needs its length.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/client/procfile.h"
#include "cli/client/release_follow.h"
#include "cli/client/slug_file.h"
#include "cli/show/progress.h"
#include "cli/verbs.h"
#include "http/client.h"
#include "http/json.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <sys/stat.h>

#define DEPLOY_UPLOAD_TIMEOUT_USEC (3600 * USEC_PER_SEC)

struct deploy {
	struct cli *cli;
	const char *app;
	const char *path;
	int fd;				/* the slug */
	uint64_t size;
	char sha256[SHA256_HEX_MAX];
	json_t *types;
	json_t *slug;			/* the API's */
	struct progress progress;
};

static void deploy_deinit(struct deploy *d)
{
	d->fd = fd_close(d->fd);
	json_decref(d->types);
	json_decref(d->slug);
	progress_deinit(&d->progress);
}

/* A file without a name, so that nothing is left however we end. */
static int deploy_temp(struct error *e)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	dir = dir && *dir ? dir : "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? error_sys(e, "create a temporary file in %s", dir) : fd;
}

/* What dyno-slug has to say about a directory that it made a slug of. */
static void deploy_tell(const json_t *made)
{
	int64_t ignored = json_int(made, "ignored", 0);
	const json_t *name;
	size_t i;

	if (ignored > 0 && isatty(STDERR_FILENO))
		fprintf(stderr, "-----> Deleting %lld files matching .slugignore "
			"patterns.\n", (long long)ignored);
	json_array_foreach(json_object_get(made, "left_out_paths"), i, name)
		fprintf(stderr, "dynoctl: left out %s: neither file, directory "
			"nor link\n", json_string_value(name));
}

static int deploy_pack(struct deploy *d, struct error *e)
{
	auto_json *made = NULL;
	int r;

	d->fd = deploy_temp(e);
	if (d->fd < 0)
		return d->fd;
	progress_begin(&d->progress, "Packing %s", d->path);
	r = slug_file_create(d->path, d->fd, &made, e);
	if (r < 0)
		return r;
	progress_end(&d->progress, "done, %lld files, %.1f MiB",
		     (long long)json_int(made, "files", 0),
		     (double)json_int(made, "bytes", 0) / (1 << 20));
	deploy_tell(made);
	return 0;
}

static int deploy_directory(struct deploy *d, struct error *e)
{
	auto_free char *path = xasprintf("%s/Procfile", d->path);
	auto_buf text = BUF_INIT;
	int r;

	if (access(path, F_OK) < 0)
		return error_set(e, ENOENT, "no Procfile in %s", d->path);
	r = file_read(AT_FDCWD, path, PROCFILE_MAX, &text, e);
	if (r == 0)
		r = procfile_parse(buf_str(&text), text.len, &d->types, e);
	return r == 0 ? deploy_pack(d, e) : r;
}

static int deploy_slug(struct deploy *d, struct error *e)
{
	auto_buf text = BUF_INIT;
	int r;

	d->fd = open(d->path, O_RDONLY | O_CLOEXEC);
	if (d->fd < 0)
		return error_sys(e, "open %s", d->path);
	r = slug_file_procfile(d->fd, &text, e);
	if (r == 0)
		r = procfile_parse(buf_str(&text), text.len, &d->types, e);
	return error_prefix(e, r, "slug %s", d->path);
}

/* Length and checksum; leaves the file at its start. */
static int deploy_measure(struct deploy *d, struct error *e)
{
	unsigned char digest[32];
	gnutls_hash_hd_t hash;
	char chunk[64 * 1024];
	ssize_t n;

	if (lseek(d->fd, 0, SEEK_SET) < 0)
		return error_sys(e, "rewind %s", d->path);
	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return error_set(e, ENOMEM, "no SHA-256 from GnuTLS");
	d->size = 0;
	while ((n = read(d->fd, chunk, sizeof(chunk))) > 0) {
		gnutls_hash(hash, chunk, (size_t)n);
		d->size += (uint64_t)n;
	}
	gnutls_hash_deinit(hash, digest);
	id_hex(d->sha256, digest, sizeof(digest));
	if (n < 0 || lseek(d->fd, 0, SEEK_SET) < 0)
		return error_sys(e, "read %s", d->path);
	return 0;
}

static int deploy_open(struct deploy *d, struct error *e)
{
	struct stat st;
	int r;

	if (stat(d->path, &st) < 0)
		return error_sys(e, "open %s", d->path);
	if (S_ISDIR(st.st_mode))
		r = deploy_directory(d, e);
	else if (S_ISREG(st.st_mode))
		r = deploy_slug(d, e);
	else
		r = error_set(e, EINVAL, "%s is neither a slug nor a directory",
			      d->path);
	return r == 0 ? deploy_measure(d, e) : r;
}

static void deploy_on_progress(uint64_t sent, uint64_t total, void *userdata)
{
	struct deploy *d = userdata;

	progress_bar(&d->progress, "Uploading", sent, total ? total : d->size);
}

static int deploy_upload(struct deploy *d, struct error *e)
{
	auto_free char *path = api_path(d->app, "/slugs");
	const json_t *blob;
	int r;

	r = api_send(d->cli, "POST", path,
		     json_pack("{s:O, s:o}", "process_types", d->types,
			       "checksum", json_sprintf("SHA256:%s", d->sha256)),
		     &d->slug, e);
	if (r < 0)
		return r;
	blob = json_object_get(d->slug, "blob");
	if (!json_str(blob, "url") || !json_str(d->slug, "id"))
		return error_set(e, EPROTO, "POST %s: the answer has no blob.url",
				 path);
	progress_bar(&d->progress, "Uploading", 0, d->size);
	r = api_call(d->cli, &(struct http_call_spec){
		.method = "PUT", .path = json_str(blob, "url"),
		.type = "application/octet-stream",
		.body_fd = d->fd, .body_fd_len = d->size,
		.timeout_usec = DEPLOY_UPLOAD_TIMEOUT_USEC,
		.on_progress = deploy_on_progress, .userdata = d,
	}, e);
	if (r == 0)
		progress_end(&d->progress, "done");
	return error_prefix(e, r, "upload the slug");
}

static int deploy_release(struct deploy *d, struct error *e)
{
	auto_free char *path = api_path(d->app, "/releases");
	auto_json *release = NULL;
	int r, version;

	progress_begin(&d->progress, "Releasing");
	r = api_send(d->cli, "POST", path,
		     json_pack("{s:s, s:o}", "slug", json_str(d->slug, "id"),
			       "description",
			       json_sprintf("Deploy %.8s", d->sha256)),
		     &release, e);
	if (r < 0)
		return r;
	version = (int)json_int(release, "version", 0);
	progress_end(&d->progress, "done, v%d", version);
	r = release_follow_made(d->cli, d->app, &release, e);
	if (r < 0)
		return r;
	if (d->cli->json)
		api_print(release);
	else
		printf("Released v%d of %s\n", version, d->app);
	return 0;
}

int deploy_run(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_(deploy_deinit) struct deploy d = {
		.cli = cli, .fd = -1, .progress = PROGRESS_INIT,
	};
	struct error e;
	int r;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	if (argc - optind == 2)
		cli->app = argv[optind++];
	d.app = cli_app(cli);
	if (!d.app)
		return EXIT_USAGE;
	d.path = argv[optind];
	r = deploy_open(&d, &e);
	if (r == 0)
		r = deploy_upload(&d, &e);
	if (r == 0)
		r = deploy_release(&d, &e);
	progress_deinit(&d.progress);
	return r < 0 ? cli_fail(&e) : 0;
}
