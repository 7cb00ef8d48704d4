/*
 * source.c - files themselves; the network is download.c.
 */
#include "base/error.h"
#include "slugstore/store.h"
#include "slugstore/transfer/download.h"
#include "slugstore/transfer/source.h"
#include "slugstore/transfer/target.h"

#include <fcntl.h>
#include <sys/stat.h>

#define SOURCE_BLOCK (256 * 1024)

struct source {
	char *path;		/* NULL: target is it */
	int fd;
	off_t start;		/* of fd; -1: it cannot go back there */
	bool was_read;
	struct target target;
};

static int source_open(struct source *src, const char *path, struct error *e)
{
	src->path = xstrdup(path);
	src->fd = str_eq(path, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
				    : open(path, O_RDONLY | O_CLOEXEC);
	if (src->fd < 0)
		return error_sys(e, "open %s", path);
	src->start = lseek(src->fd, 0, SEEK_CUR);
	return 0;
}

int source_new(struct source **ret, const struct target_spec *spec,
	       struct error *e)
{
	auto_(source_free_p) struct source *src = xcalloc(1, sizeof(*src));
	int r;

	src->fd = -1;
	r = strstr(spec->address, "://")
		? target_init(&src->target, spec, e)
		: source_open(src, spec->address, e);
	if (r == 0)
		*ret = take_ptr(src);
	return r;
}

struct source *source_free(struct source *src)
{
	if (src) {
		fd_close(src->fd);
		free(src->path);
		target_deinit(&src->target);
		free(src);
	}
	return NULL;
}

void source_forget(struct source *src)
{
	struct target *t = &src->target;

	if (src->path)
		return;
	if (t->secret)
		explicit_bzero(t->secret, strlen(t->secret));
	if (t->url)		/* may hold a password or be signed */
		explicit_bzero(t->url, strlen(t->url));
	for (size_t i = 0; i < t->headers.n; i++)
		explicit_bzero(t->headers.v[i], strlen(t->headers.v[i]));
}

const char *source_name(const struct source *src)
{
	return src->path ? src->path : src->target.name;
}

/* 0 = not known. */
static int source_size(struct source *src, uint64_t *ret, struct error *e)
{
	struct stat st;

	if (fstat(src->fd, &st) < 0)
		return error_sys(e, "look at %s", src->path);
	*ret = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	return 0;
}

/* What has come may be needed again: collected, or found damaged. */
static int source_rewind(struct source *src, struct error *e)
{
	if (src->was_read && (src->start < 0 ||
			      lseek(src->fd, src->start, SEEK_SET) < 0))
		return error_set(e, ESPIPE, "%s cannot be read a second time",
				 src->path);
	src->was_read = true;
	return 0;
}

/* A file is read as a whole: that is as fast as finding out what fits. */
static int source_read_file(struct source *src, struct store_import *imp,
			    const struct source_watch *watch, struct error *e)
{
	auto_free char *block = xmalloc(SOURCE_BLOCK);
	uint64_t size = 0;
	int r = store_import_restart(imp, e);

	if (r == 0)
		r = source_rewind(src, e);
	if (r == 0)
		r = source_size(src, &size, e);
	if (r == 0 && size)
		r = store_import_reserve(imp, size, e);
	while (r == 0) {
		ssize_t n = read(src->fd, block, SOURCE_BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "read %s", src->path);
		if (n == 0)
			break;
		r = store_import_write(imp, block, (size_t)n, e);
		if (watch->on_progress)
			watch->on_progress(store_import_size(imp), size,
					   watch->userdata);
	}
	return r;
}

int source_read(struct source *src, struct store_import *imp,
		const struct source_watch *watch, struct error *e)
{
	if (src->path)
		return source_read_file(src, imp, watch, e);
	return download_run(&src->target, imp, watch, e);
}
