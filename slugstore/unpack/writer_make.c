/*
 * writer_make.c - the system calls of unpacking.
 */
#include "base/error.h"
#include "base/file.h"
#include "slugstore/unpack/writer_make.h"

#include <fcntl.h>

void writer_make_init(struct writer_make *m, int tree_fd)
{
	*m = (struct writer_make){ .tree_fd = tree_fd, .dir_fd = -1, .fd = -1 };
	writeback_init(&m->writeback, tree_fd);
}

int writer_make_finish(struct writer_make *m, struct error *e)
{
	return writeback_finish(&m->writeback, e);
}

void writer_make_deinit(struct writer_make *m)
{
	writeback_deinit(&m->writeback);
	m->dir_fd = fd_close(m->dir_fd);
	m->fd = fd_close(m->fd);
}

/* Open a directory, making it and those above if they are absent. It works on
 * m->dir, whose end it moves. */
static int make_open_dir(struct writer_make *m, struct error *e)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
	auto_close int above = -1;
	char *slash = strrchr(m->dir, '/');
	int fd = file_open_beneath(m->tree_fd, m->dir, flags, 0, e);

	if (fd >= 0 || fd != -ENOENT)
		return fd;
	if (slash) {
		*slash = '\0';
		above = make_open_dir(m, e);
		*slash = '/';
		if (above < 0)
			return above;
	}
	if (mkdirat(slash ? above : m->tree_fd, slash ? slash + 1 : m->dir,
		    0700) < 0)
		return error_sys(e, "create directory %s", m->dir);
	return file_open_beneath(m->tree_fd, m->dir, flags, 0, e);
}

/* Make m->dir_fd the directory of path; *ret_name = what is behind it. */
static int make_enter(struct writer_make *m, const char *path,
		      const char **ret_name, struct error *e)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	int fd;

	assert(slash);		/* "app" itself is a directory */
	*ret_name = slash + 1;
	if (m->dir_fd >= 0 && strncmp(m->dir, path, n) == 0 && !m->dir[n])
		return 0;
	m->dir_fd = fd_close(m->dir_fd);
	memcpy(m->dir, path, n);
	m->dir[n] = '\0';
	fd = make_open_dir(m, e);
	if (fd < 0)
		return fd;
	m->dir_fd = fd;
	return 0;
}

/* ---- files ---- */

static int make_file(struct writer_make *m, const struct writer_order *o,
		     const char *name, struct error *e)
{
	m->fd = openat(m->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL |
		       O_NOFOLLOW | O_CLOEXEC, 0600);
	if (m->fd < 0)
		return error_sys(e, "create %s", o->bytes);
	m->end = 0;
	m->mtime = o->mtime;
	m->mode = o->mode;
	m->size = o->n;
	memcpy(m->path, o->bytes, strlen(o->bytes) + 1);
	return 0;
}

static int make_data(struct writer_make *m, const struct writer_order *o,
		     struct error *e)
{
	const char *p = o->bytes;
	uint64_t offset = o->offset;
	size_t n = o->n;

	while (n > 0) {
		ssize_t w = pwrite(m->fd, p, n, (off_t)offset);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return error_sys(e, "write %s", m->path);
		p += w;
		n -= (size_t)w;
		offset += (uint64_t)w;
	}
	m->end = offset;
	return 0;
}

static int make_end_file(struct writer_make *m, struct error *e)
{
	struct timespec t[2] = { m->mtime, m->mtime };

	/* A hole may be last. */
	if (m->end < m->size && ftruncate(m->fd, (off_t)m->size) < 0)
		return error_sys(e, "write %s", m->path);
	if (fchmod(m->fd, m->mode) < 0)
		return error_sys(e, "change the mode of %s", m->path);
	if (futimens(m->fd, t) < 0)
		return error_sys(e, "set the time of %s", m->path);
	m->fd = fd_close(m->fd);
	return writeback_add(&m->writeback, m->size, e);
}

/* ---- everything else ---- */

static int make_hardlink(struct writer_make *m, const char *path,
			 const char *target, const char *name, struct error *e)
{
	const char *slash = strrchr(target, '/');
	auto_free char *dir = xstrndup(target, (size_t)(slash - target));
	auto_close int fd = file_open_beneath(m->tree_fd, dir, O_PATH |
					      O_DIRECTORY | O_NOFOLLOW, 0, e);

	if (fd < 0)
		return fd;
	if (linkat(fd, slash + 1, m->dir_fd, name, 0) < 0)
		return error_sys(e, "link %s to %s", path, target);
	return 0;
}

static int make_symlink(struct writer_make *m, const struct writer_order *o,
			const char *name, struct error *e)
{
	struct timespec t[2] = { o->mtime, o->mtime };

	if (symlinkat(o->bytes + o->target, m->dir_fd, name) < 0)
		return error_sys(e, "create link %s", o->bytes);
	if (utimensat(m->dir_fd, name, t, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "set the time of %s", o->bytes);
	return 0;
}

static int make_entry(struct writer_make *m, const struct writer_order *o,
		      struct error *e)
{
	const char *path = o->bytes, *name;
	int r;

	if (str_eq(path, "app")) {
		if (mkdirat(m->tree_fd, path, 0700) < 0)
			return error_sys(e, "create directory %s", path);
		return 0;
	}
	r = make_enter(m, path, &name, e);
	if (r < 0)
		return r;
	if (o->replaces && unlinkat(m->dir_fd, name, 0) < 0)
		return error_sys(e, "replace %s", path);

	switch (o->type) {
	case ENTRY_DIRECTORY:
		if (mkdirat(m->dir_fd, name, 0700) < 0)
			return error_sys(e, "create directory %s", path);
		return 0;
	case ENTRY_FILE:
		return make_file(m, o, name, e);
	case ENTRY_HARDLINK:
		return make_hardlink(m, path, path + o->target, name, e);
	case ENTRY_SYMLINK:
		return make_symlink(m, o, name, e);
	}
	return 0;
}

int writer_make(struct writer_make *m, const struct writer_order *o,
		struct error *e)
{
	switch (o->what) {
	case WRITER_ENTRY:
		return make_entry(m, o, e);
	case WRITER_DATA:
		return make_data(m, o, e);
	case WRITER_END_FILE:
		return make_end_file(m, e);
	}
	return 0;
}
