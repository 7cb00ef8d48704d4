/*
 * output.c - write beside, then rename.
 */
#include "slugstore/pack/output.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define OUTPUT_BLOCK (256 * 1024)
#define OUTPUT_SECRET_BYTES 6

static bool output_is_stdout(const struct output *o)
{
	return str_eq(o->path, "-");
}

static char *output_dir(const struct output *o)
{
	const char *slash = strrchr(o->path, '/'), *tmp = getenv("TMPDIR");

	if (output_is_stdout(o))
		return xstrdup(tmp && *tmp ? tmp : "/tmp");
	if (!slash)
		return xstrdup(".");
	return xstrndup(o->path, slash == o->path ? 1 : (size_t)(slash - o->path));
}

/* A name of the same directory that nobody has. */
static char *output_name(const struct output *o)
{
	auto_free char *secret = id_secret(OUTPUT_SECRET_BYTES);
	auto_free char *dir = output_dir(o);
	const char *slash = strrchr(o->path, '/');

	return xasprintf("%s/.%s.%s", dir, slash ? slash + 1 : o->path, secret);
}

static int output_check(const struct output *o, struct error *e)
{
	struct stat st;

	if (output_is_stdout(o))
		return isatty(STDOUT_FILENO)
			? error_set(e, EINVAL, "standard output is a terminal:"
				    " use --output FILE") : 0;
	if (stat(o->path, &st) == 0 && !S_ISREG(st.st_mode))
		return error_set(e, EINVAL, "%s exists and is no file", o->path);
	return 0;
}

int output_open(struct output *o, const char *path, struct error *e)
{
	auto_free char *dir = NULL;
	int r;

	*o = OUTPUT_INIT;
	o->path = path;
	r = output_check(o, e);
	if (r < 0)
		return r;
	dir = output_dir(o);
	o->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	if (o->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		o->temp = output_name(o);
		o->fd = open(o->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC |
			     O_NOFOLLOW, 0666);
		if (o->fd < 0) {
			free(take_ptr(o->temp));
			return error_sys(e, "create a file in %s", dir);
		}
	}
	return o->fd < 0 ? error_sys(e, "create a file in %s", dir) : 0;
}

static int output_copy(struct output *o, struct error *e)
{
	auto_free char *block = xmalloc(OUTPUT_BLOCK);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(o->fd, block, OUTPUT_BLOCK, at)) != 0) {
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "read what was written");
		r = file_write_all(STDOUT_FILENO, block, (size_t)n, e);
		if (r < 0)
			return error_prefix(e, r, "standard output");
		at += n;
	}
	return 0;
}

static int output_link(struct output *o, struct error *e)
{
	char self[64];

	if (o->temp)
		return 0;
	o->temp = output_name(o);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", o->fd);
	if (linkat(AT_FDCWD, self, AT_FDCWD, o->temp, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	free(take_ptr(o->temp));
	return error_sys(e, "name what was written for %s", o->path);
}

int output_publish(struct output *o, struct error *e)
{
	auto_free char *dir = NULL;
	int r;

	if (output_is_stdout(o))
		return output_copy(o, e);
	if (fsync(o->fd) < 0)
		return error_sys(e, "sync %s", o->path);
	r = output_link(o, e);
	if (r < 0)
		return r;
	if (rename(o->temp, o->path) < 0)
		return error_sys(e, "create %s", o->path);
	free(take_ptr(o->temp));
	dir = output_dir(o);
	return file_sync_dir(AT_FDCWD, dir, e);
}

void output_deinit(struct output *o)
{
	if (o->temp)
		unlink(o->temp);
	free(take_ptr(o->temp));
	o->fd = fd_close(o->fd);
}
