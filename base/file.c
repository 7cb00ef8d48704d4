#include "base/buf.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>

#define FILE_REMOVE_DEPTH 64	/* descriptors at a time */
#define FILE_LIFTS_MAX 1000000
#define FILE_SECRET_TEXT 12		/* of the name of a temporary file */

int file_read(int dirfd, const char *path, size_t max, struct buf *ret,
	      struct error *e)
{
	auto_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	size_t start = ret->len;

	if (fd < 0)
		return error_sys(e, "open %s", path);
	for (;;) {
		ssize_t n;

		buf_reserve(ret, 4096);
		n = read(fd, ret->data + ret->len, ret->cap - ret->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "read %s", path);
		ret->len += (size_t)n;
		ret->data[ret->len] = '\0';
		if (ret->len - start > max)
			return error_set(e, EFBIG, "%s is larger than %zu bytes",
					 path, max);
		if (n == 0)
			return 0;
	}
}

int file_write_all(int fd, const void *data, size_t n, struct error *e)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = fault_call("write") ? -1 : write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return error_sys(e, "write");
		p += w;
		n -= (size_t)w;
		fault_point("written");
	}
	return 0;
}

int file_sync_dir(int dirfd, const char *path, struct error *e)
{
	auto_close int fd = openat(dirfd, path,
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_sys(e, "open directory %s", path);
	if (fault_call("fsync directory") || fsync(fd) < 0)
		return error_sys(e, "sync directory %s", path);
	return 0;
}

static int file_sync_parent(int dirfd, const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir = NULL;

	if (!slash)
		return file_sync_dir(dirfd, ".", e);
	dir = slash == path ? xstrdup("/")
			    : xstrndup(path, (size_t)(slash - path));
	return file_sync_dir(dirfd, dir, e);
}

static int file_replace(int dirfd, const char *path, const void *data,
			size_t n, mode_t mode, bool sync, struct error *e)
{
	auto_free char *secret = id_secret(FILE_SECRET_TEXT / 2);
	auto_free char *tmp = xasprintf("%s.%s.tmp", path, secret);
	auto_close int fd = -1;
	int r;

	if (!fault_call("create %s", fault_file(path)))
		fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
			    O_NOFOLLOW, mode);

	if (fd < 0)
		return error_sys(e, "create %s", tmp);
	r = file_write_all(fd, data, n, e);
	if (r < 0)
		r = error_prefix(e, r, "write %s", path);
	else if (fchmod(fd, mode) < 0)
		r = error_sys(e, "change the mode of %s", tmp);
	else if (sync && (fault_call("fsync") || fsync(fd) < 0))
		r = error_sys(e, "sync %s", tmp);
	else if (fault_call("rename %s", fault_file(path)) ||
		 renameat(dirfd, tmp, dirfd, path) < 0)
		r = error_sys(e, "rename %s to %s", tmp, path);
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		return r;
	}
	fault_point("renamed %s", fault_file(path));
	return sync ? file_sync_parent(dirfd, path, e) : 0;
}

int file_write_atomic(int dirfd, const char *path, const void *data, size_t n,
		      mode_t mode, struct error *e)
{
	return file_replace(dirfd, path, data, n, mode, true, e);
}

int file_write_fast(int dirfd, const char *path, const void *data, size_t n,
		    mode_t mode, struct error *e)
{
	return file_replace(dirfd, path, data, n, mode, false, e);
}

/* "NAME.xxxxxxxxxxxx.tmp", as file_replace() names them. */
static bool file_is_temporary(const char *name)
{
	size_t n = strlen(name), end = strlen(".tmp");

	return n > FILE_SECRET_TEXT + end + 1 && str_eq(name + n - end, ".tmp") &&
	       name[n - end - FILE_SECRET_TEXT - 1] == '.' &&
	       strspn(name + n - end - FILE_SECRET_TEXT, "0123456789abcdef") ==
	       FILE_SECRET_TEXT;
}

int file_remove_temporary(int dirfd, const char *path, struct error *e)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	struct dirent *de;
	DIR *d;

	if (fd < 0)
		return errno == ENOENT ? 0 : error_sys(e, "open directory %s", path);
	d = fdopendir(fd);
	if (!d) {
		fd_close(fd);
		return error_sys(e, "read directory %s", path);
	}
	while (r == 0 && (de = readdir(d)))
		if (file_is_temporary(de->d_name) &&
		    unlinkat(fd, de->d_name, 0) < 0 && errno != ENOENT)
			r = error_sys(e, "remove %s/%s", path, de->d_name);
	closedir(d);
	return r;
}

static int file_check_dir(const char *path, struct error *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return error_sys(e, "create directory %s", path);
	if (!S_ISDIR(st.st_mode))
		return error_set(e, ENOTDIR, "%s is no directory", path);
	return 0;
}

int file_make_dirs(const char *path, mode_t mode, struct error *e)
{
	auto_free char *p = xstrdup(path);

	for (char *s = p + 1; ; s++) {
		char c = *s;

		if (c && c != '/')
			continue;
		*s = '\0';
		if ((fault_call("mkdir") || mkdir(p, mode) < 0) && errno != EEXIST)
			return error_sys(e, "create directory %s", p);
		if (!c)
			return file_check_dir(p, e);
		*s = c;
	}
}

int file_make_dir_owned(const char *path, mode_t mode, uid_t uid, gid_t gid,
			struct error *e)
{
	auto_close int fd = -1;

	if (mkdir(path, mode & 0700) < 0 && errno != EEXIST)
		return error_sys(e, "create directory %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "open directory %s", path);
	if (fchown(fd, uid, gid) < 0)
		return error_sys(e, "change the owner of %s", path);
	if (fchmod(fd, mode) < 0)
		return error_sys(e, "change the mode of %s", path);
	return 0;
}

/*
 * A tree that goes. Whoever has made it may have made it deeper than there are
 * descriptors: what is too deep is moved up, and its turn comes when the rest
 * has gone.
 */
struct file_doomed {
	int top_fd;			/* the directory itself */
	dev_t dev;
	unsigned lifts;
	bool lifted;			/* since we last began at the top */
};

static int file_remove_at(struct file_doomed *t, int dirfd, const char *name,
			  unsigned depth, struct error *e);

static int file_remove_entries(struct file_doomed *t, DIR *d, const char *name,
			       unsigned depth, struct error *e)
{
	struct dirent *de;
	int r = 0;

	errno = 0;
	while (r >= 0 && (de = readdir(d))) {
		if (!str_eq(de->d_name, ".") && !str_eq(de->d_name, ".."))
			r = file_remove_at(t, dirfd(d), de->d_name, depth, e);
		errno = 0;
	}
	return r >= 0 && errno ? error_sys(e, "read directory %s", name) : r;
}

static int file_remove_children(struct file_doomed *t, int fd, const char *name,
				unsigned depth, struct error *e)
{
	DIR *d = fdopendir(fd);
	int r;

	if (!d) {
		r = error_sys(e, "read directory %s", name);
		close(fd);
		return r;
	}
	if (depth == 1)
		t->top_fd = fd;
	do {
		t->lifted = false;
		rewinddir(d);
		r = file_remove_entries(t, d, name, depth, e);
	} while (r >= 0 && depth == 1 && t->lifted);
	closedir(d);
	return r;
}

static int file_lift(struct file_doomed *t, int dirfd, const char *name,
		     struct error *e)
{
	char above[32];

	while (++t->lifts < FILE_LIFTS_MAX) {
		snprintf(above, sizeof(above), ".lifted-%u", t->lifts);
		if (renameat(dirfd, name, t->top_fd, above) == 0) {
			t->lifted = true;
			return 0;
		}
		/* Something of that name was made there before. */
		if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
			return error_sys(e, "move directory %s up", name);
	}
	return error_set(e, ELOOP, "remove %s: too deep", name);
}

/* A directory of ours that forbids reading is made readable; O_PATH first, so
 * that a link that takes its place meanwhile is not followed. */
static int file_open_doomed(int dirfd, const char *name)
{
	const int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	auto_close int path_fd = -1;
	char self[64];
	int fd = openat(dirfd, name, O_RDONLY | flags);

	if (fd >= 0 || errno != EACCES)
		return fd;
	path_fd = openat(dirfd, name, O_PATH | flags);
	if (path_fd < 0)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
	if (chmod(self, 0700) < 0)
		return -1;
	return open(self, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int file_remove_at(struct file_doomed *t, int dirfd, const char *name,
			  unsigned depth, struct error *e)
{
	struct stat st;
	int fd, r;

	if (fault_call("remove"))
		return error_sys(e, "remove %s", name);
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return error_sys(e, "remove %s", name);

	fd = file_open_doomed(dirfd, name);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_sys(e, "open %s", name);
	if (fstat(fd, &st) < 0 || (depth && st.st_dev != t->dev)) {
		close(fd);
		return error_set(e, EXDEV, "%s is on another file system", name);
	}
	t->dev = st.st_dev;
	/* A directory without write permission is ours all the same. */
	if ((st.st_mode & 0700) != 0700 && fchmod(fd, 0700) < 0)
		errno = 0;
	if (depth == FILE_REMOVE_DEPTH) {
		close(fd);
		return file_lift(t, dirfd, name, e);
	}
	r = file_remove_children(t, fd, name, depth + 1, e);
	if (r < 0)
		return r;
	fault_point("remove directory");
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return error_sys(e, "remove directory %s", name);
	return 0;
}

int file_remove_tree(int dirfd, const char *path, struct error *e)
{
	struct file_doomed t = { .top_fd = -1 };

	return file_remove_at(&t, dirfd, path, 0, e);
}

int file_open_beneath(int dirfd, const char *path, int flags, mode_t mode,
		      struct error *e)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	if (fd < 0)
		return error_sys(e, "open %s", path);
	return (int)fd;
}

int file_set_nonblock(int fd, bool on, struct error *e)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return error_sys(e, "read descriptor flags");
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (fcntl(fd, F_SETFL, flags) < 0)
		return error_sys(e, "set descriptor flags");
	return 0;
}
