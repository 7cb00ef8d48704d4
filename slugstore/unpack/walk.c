/*
 * walk.c - the path grows and shrinks in one buffer; a directory is one open
 * descriptor for each level.
 */
#include "base/error.h"
#include "slugstore/unpack/entry.h"
#include "slugstore/unpack/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

struct walk {
	walk_fn fn;
	void *userdata;
	dev_t dev;
	unsigned depth;
	size_t len;
	char path[2 * PATH_MAX];
};

static int walk_fail(const char *path, const char *what, struct error *e)
{
	char name[ENTRY_QUOTE_MAX];

	return error_sys(e, "%s \"%s\"", what, entry_quote(name, path));
}

/* Slugs may hold files that their owner may not read. O_PATH first, so that it
 * is the same file whose mode is changed. */
static int walk_open_closed(const struct walk_at *at, int flags, mode_t mode)
{
	auto_close int path_fd = openat(at->dir_fd, at->name, O_PATH |
					O_NOFOLLOW | O_CLOEXEC);
	char self[64];

	if (path_fd < 0)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
	if (chmod(self, mode) < 0)
		return -1;
	return open(self, flags & ~O_NOFOLLOW);
}

int walk_open(const struct walk_at *at, struct error *e)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(at->dir_fd, at->name, flags);

	if (fd < 0 && errno == EACCES) {
		fd = walk_open_closed(at, flags, at->st.st_mode | 0400);
		if (fd >= 0)
			fchmod(fd, at->st.st_mode & 07777);
	}
	return fd < 0 ? walk_fail(at->path, "open", e) : fd;
}

static int walk_children(struct walk *w, int fd, struct error *e);

static int walk_directory(struct walk *w, const struct walk_at *at,
			  struct error *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	const mode_t mode = at->st.st_mode & 07777;
	bool closed = (mode & 0500) != 0500 && geteuid() != 0;
	auto_close int fd = closed ? walk_open_closed(at, flags, mode | 0500)
				   : openat(at->dir_fd, at->name, flags);
	int r;

	if (fd < 0)
		return walk_fail(at->path, "open", e);
	r = walk_children(w, fd, e);
	if (closed && fchmod(fd, mode) < 0 && r == 0)
		r = walk_fail(at->path, "change the mode of", e);
	return r;
}

static int walk_one(struct walk *w, int fd, const char *name, struct error *e)
{
	struct walk_at at = { .dir_fd = fd, .name = name, .path = w->path };
	int r;

	if (fstatat(fd, name, &at.st, AT_SYMLINK_NOFOLLOW) < 0)
		return walk_fail(w->path, "look at", e);
	if (at.st.st_dev != w->dev)
		return error_set(e, EXDEV, "another file system is mounted in"
				 " it");
	r = w->fn(&at, w->userdata, e);
	if (r == 0 && S_ISDIR(at.st.st_mode))
		r = walk_directory(w, &at, e);
	return r;
}

static int walk_name(struct walk *w, int fd, const char *name, struct error *e)
{
	size_t len = w->len, n = strlen(name);
	int r;

	if (str_eq(name, ".") || str_eq(name, ".."))
		return 0;
	if (len + 1 + n >= sizeof(w->path) || w->depth >= WALK_DEPTH_MAX)
		return error_set(e, ELOOP, "directories are too deep");
	if (len)
		w->path[w->len++] = '/';
	memcpy(w->path + w->len, name, n + 1);
	w->len += n;
	w->depth++;
	r = walk_one(w, fd, name, e);
	w->depth--;
	w->len = len;
	w->path[len] = '\0';
	return r;
}

static int walk_children(struct walk *w, int fd, struct error *e)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own >= 0 ? fdopendir(own) : NULL;
	struct dirent *de;
	int r = 0;

	if (!d) {
		r = walk_fail(w->path, "read directory", e);
		fd_close(own);
		return r;
	}
	while (r == 0 && (errno = 0, de = readdir(d)))
		r = walk_name(w, fd, de->d_name, e);
	if (r == 0 && errno)
		r = walk_fail(w->path, "read directory", e);
	closedir(d);
	return r;
}

int walk_tree(int fd, walk_fn fn, void *userdata, struct error *e)
{
	auto_free struct walk *w = xcalloc(1, sizeof(*w));
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_sys(e, "look at a tree");
	w->fn = fn;
	w->userdata = userdata;
	w->dev = st.st_dev;
	return walk_children(w, fd, e);
}
