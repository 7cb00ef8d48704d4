#include "base/error.h"
#include "runtime/oci/container_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define COPY_STEP (1 << 20)

struct copy {
	size_t entries;
	uint64_t bytes;
	struct error *e;
};

static int copy_dir(struct copy *c, int from, int to, int depth);

static int copy_open_root(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

static int copy_attributes(struct copy *c, int fd, const struct stat *st,
			   const char *name)
{
	if (fchown(fd, st->st_uid, st->st_gid) < 0 ||
	    fchmod(fd, st->st_mode & 07777) < 0)
		return error_sys(c->e, "give %s its owner", name);
	return 0;
}

/* What is between two holes. */
static int copy_data(struct copy *c, int in, int out, off_t at, off_t end,
		     const char *name)
{
	ssize_t n = 1;

	if (lseek(out, at, SEEK_SET) < 0)
		return error_sys(c->e, "copy %s", name);
	while (n > 0 && at < end) {
		size_t want = end - at < COPY_STEP ? (size_t)(end - at) : COPY_STEP;

		n = sendfile(out, in, &at, want);
		c->bytes += n > 0 ? (uint64_t)n : 0;
		if (c->bytes > CONTAINER_COPY_BYTES_MAX)
			return error_set(c->e, E2BIG, "more than %llu bytes to copy",
					 CONTAINER_COPY_BYTES_MAX);
	}
	return n < 0 ? error_sys(c->e, "copy %s", name) : 0;
}

static int copy_content(struct copy *c, int in, int out, const struct stat *st,
			const char *name)
{
	off_t end = 0;
	int r = 0;

	if (ftruncate(out, st->st_size) < 0)
		return error_sys(c->e, "copy %s", name);
	while (r == 0 && end < st->st_size) {
		off_t at = lseek(in, end, SEEK_DATA);

		if (at < 0)
			return errno == ENXIO ? 0 : error_sys(c->e, "copy %s", name);
		end = lseek(in, at, SEEK_HOLE);
		if (end < 0)
			return error_sys(c->e, "copy %s", name);
		r = copy_data(c, in, out, at, end, name);
	}
	return r;
}

/* It may be another one than when it was looked at: a fifo must not hold us. */
static int copy_file(struct copy *c, int from, int to, const char *name)
{
	auto_close int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
				   O_NOCTTY | O_CLOEXEC);
	auto_close int out = -1;
	struct stat st;
	int r;

	if (in < 0 || fstat(in, &st) < 0)
		return error_sys(c->e, "copy %s", name);
	if (!S_ISREG(st.st_mode))
		return 0;
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return error_sys(c->e, "copy %s", name);
	r = copy_content(c, in, out, &st, name);
	return r < 0 ? r : copy_attributes(c, out, &st, name);
}

static int copy_link(struct copy *c, int from, int to, const char *name,
		     const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return error_sys(c->e, "read link %s", name);
	target[n] = '\0';
	if (symlinkat(target, to, name) < 0 ||
	    fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(c->e, "copy link %s", name);
	return 0;
}

static int copy_subdir(struct copy *c, int from, int to, const char *name, int depth)
{
	auto_close int in = -1, out = -1;

	if (mkdirat(to, name, 0700) < 0)
		return error_sys(c->e, "make directory %s", name);
	in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0 || out < 0)
		return error_sys(c->e, "open directory %s", name);
	return copy_dir(c, in, out, depth + 1);
}

static int copy_entry(struct copy *c, int from, int to, const char *name, int depth)
{
	struct stat st;

	if (++c->entries > CONTAINER_COPY_ENTRIES_MAX)
		return error_set(c->e, E2BIG, "more than %d files to copy",
				 CONTAINER_COPY_ENTRIES_MAX);
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(c->e, "look at %s", name);
	if (S_ISDIR(st.st_mode))
		return copy_subdir(c, from, to, name, depth);
	if (S_ISREG(st.st_mode))
		return copy_file(c, from, to, name);
	if (S_ISLNK(st.st_mode))
		return copy_link(c, from, to, name, &st);
	return 0;
}

static int copy_dir(struct copy *c, int from, int to, int depth)
{
	struct dirent *d;
	struct stat st;
	int r = 0, fd;
	DIR *dir;

	if (depth > CONTAINER_COPY_DEPTH_MAX)
		return error_set(c->e, E2BIG, "directories are nested too deeply");
	fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		fd_close(fd);
		return error_sys(c->e, "list a directory");
	}
	while (r == 0 && (d = readdir(dir)))
		if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, ".."))
			r = copy_entry(c, from, to, d->d_name, depth);
	closedir(dir);
	if (r == 0 && fstat(from, &st) < 0)
		return error_sys(c->e, "look at a directory");
	return r < 0 ? r : copy_attributes(c, to, &st, "a directory");
}

int container_copy(int root_fd, const char *path, int to_fd, struct error *e)
{
	struct copy c = { .e = e };
	auto_close int from = copy_open_root(root_fd, path);
	auto_close int to = openat(to_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (from < 0)
		return errno == ENOENT ? 0 : error_sys(e, "copy from %s", path);
	if (to < 0)
		return error_sys(e, "copy to a new file system");
	return copy_dir(&c, from, to, 0);
}
