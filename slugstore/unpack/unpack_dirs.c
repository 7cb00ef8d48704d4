/*
 * unpack_dirs.c - walk down with one descriptor for each level; limits.h says how
 * many levels there are.
 */
#include "base/error.h"
#include "slugstore/manifest/manifest.h"
#include "slugstore/unpack/tree.h"
#include "slugstore/unpack/unpack_dirs.h"

#include <dirent.h>
#include <fcntl.h>

struct dirs {
	const struct tree *tree;
	struct manifest_writer *manifest;
	char path[PATH_MAX];
	size_t n;
};

static int dirs_set(struct dirs *d, int fd, struct error *e)
{
	struct manifest_entry en = {
		.type = MANIFEST_DIRECTORY, .path = d->path,
	};
	struct tree_directory dir;

	if (!tree_directory(d->tree, d->path, &dir))
		return error_set(e, EINVAL, "directory %s came from elsewhere",
				 d->path);
	struct timespec t[2] = { dir.mtime, dir.mtime };

	if (fchmod(fd, dir.mode) < 0)
		return error_sys(e, "change the mode of %s", d->path);
	if (dir.mtime.tv_nsec != UTIME_OMIT && futimens(fd, t) < 0)
		return error_sys(e, "set the time of %s", d->path);
	en.mode = dir.mode;
	en.mtime = dir.mtime;
	return d->manifest ? manifest_add(d->manifest, &en, e) : 0;
}

static bool dirs_is_directory(int fd, const struct dirent *de)
{
	struct stat st;

	if (de->d_name[0] == '.' &&
	    (str_eq(de->d_name, ".") || str_eq(de->d_name, "..")))
		return false;
	if (de->d_type != DT_UNKNOWN)
		return de->d_type == DT_DIR;
	return fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

static int dirs_walk(struct dirs *d, int above, const char *name,
		     struct error *e)
{
	size_t n = d->n, k = strlen(name);
	DIR *dir;
	struct dirent *de;
	int r = 0, fd;

	assert(n + 1 + k < sizeof(d->path));	/* entry.h made sure */
	if (n > 0)
		d->path[d->n++] = '/';
	memcpy(d->path + d->n, name, k + 1);
	d->n += k;
	fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		r = error_sys(e, "open directory %s", d->path);
		fd_close(fd);
		return r;
	}
	while (r >= 0 && (errno = 0, de = readdir(dir)))
		if (dirs_is_directory(fd, de))
			r = dirs_walk(d, fd, de->d_name, e);
	if (r >= 0 && errno)
		r = error_sys(e, "read directory %s", d->path);
	if (r >= 0)
		r = dirs_set(d, fd, e);
	closedir(dir);
	d->n = n;
	d->path[n] = '\0';
	return r;
}

int unpack_dirs(int tree_fd, const struct tree *tree,
		struct manifest_writer *manifest, struct error *e)
{
	struct dirs d = { .tree = tree, .manifest = manifest };

	return dirs_walk(&d, tree_fd, "app", e);
}
