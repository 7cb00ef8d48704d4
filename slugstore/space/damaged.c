/*
 * damaged.c - renames under the exclusive lock of the slug.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "slugstore/lease.h"
#include "slugstore/space/damaged.h"
#include "slugstore/store_dir.h"
#include "slugstore/unpack/entry.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define DAMAGED_MARK ".damaged"
#define DAMAGED_TOLD ".told"	/* beside it: somebody has read it */
#define DAMAGED_NAME_MAX (SHA256_HEX_MAX + 24)
#define DAMAGED_REASON_MAX 1024

/* Names sort by time. */
static void damaged_name(char out[DAMAGED_NAME_MAX], const char *sha256)
{
	snprintf(out, DAMAGED_NAME_MAX, "%s-%016" PRIu64, sha256,
		 clock_real_usec());
}

static int damaged_mark(int dirfd, const char *reason, struct error *e)
{
	auto_free char *line = xasprintf("%s\n", reason);

	return file_write_atomic(dirfd, DAMAGED_MARK, line, strlen(line), 0644, e);
}

static int damaged_sync(struct store *s, int from_fd, struct error *e)
{
	int r = file_sync_dir(s->damaged_fd, ".", e);

	return r < 0 ? r : file_sync_dir(from_fd, ".", e);
}

/* The lock is held. */
static int damaged_move_tree(struct store *s, const char *sha256,
			     struct error *e)
{
	char name[DAMAGED_NAME_MAX];

	damaged_name(name, sha256);
	if (renameat2(s->trees_fd, sha256, s->damaged_fd, name,
		      RENAME_NOREPLACE) < 0)
		return error_sys(e, "set %s/trees/%s aside", s->dir, sha256);
	return damaged_sync(s, s->trees_fd, e);
}

int damaged_tree(struct store *s, const char *sha256, const char *reason,
		 struct error *e)
{
	auto_close int lock_fd = -1, tree_fd = -1;
	int r;

	tree_fd = openat(s->trees_fd, sha256, O_RDONLY | O_DIRECTORY |
			 O_CLOEXEC | O_NOFOLLOW);
	if (tree_fd < 0)
		return errno == ENOENT ? 0 : error_sys(e, "open %s/trees/%s",
						       s->dir, sha256);
	r = damaged_mark(tree_fd, reason, e);
	if (r >= 0)
		r = lease_try(s, sha256, true, &lock_fd, e);
	if (r == LEASE_BUSY)
		return DAMAGED_LEASED;
	return r < 0 ? r : damaged_move_tree(s, sha256, e);
}

static bool damaged_is_marked(struct store *s, const char *sha256)
{
	char path[SHA256_HEX_MAX + sizeof("/" DAMAGED_MARK)];
	struct stat st;

	snprintf(path, sizeof(path), "%s/" DAMAGED_MARK, sha256);
	return fstatat(s->trees_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int damaged_take_marked(struct store *s, const char *sha256, struct error *e)
{
	auto_close int lock_fd = -1;
	int r;

	if (!damaged_is_marked(s, sha256))
		return 0;
	r = lease_try(s, sha256, true, &lock_fd, e);
	if (r != 0)
		return r < 0 ? r : 0;
	/* It may be another one by now. */
	if (!damaged_is_marked(s, sha256))
		return 0;
	r = damaged_move_tree(s, sha256, e);
	return r < 0 ? r : 1;
}

static bool damaged_is_same(struct store *s, const char *sha256, int fd)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 &&
	       fstatat(s->blobs_fd, sha256, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
}

int damaged_blob(struct store *s, const char *sha256, int fd,
		 const char *reason, struct error *e)
{
	auto_close int dir_fd = -1;
	char name[DAMAGED_NAME_MAX];
	int r;

	if (!damaged_is_same(s, sha256, fd))
		return 0;
	damaged_name(name, sha256);
	if (mkdirat(s->damaged_fd, name, 0755) < 0)
		return error_sys(e, "create %s/damaged/%s", s->dir, name);
	dir_fd = openat(s->damaged_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
			O_NOFOLLOW);
	if (dir_fd < 0)
		return error_sys(e, "open %s/damaged/%s", s->dir, name);
	r = damaged_mark(dir_fd, reason, e);
	if (r < 0)
		return r;
	if (renameat(s->blobs_fd, sha256, dir_fd, "blob") < 0 && errno != ENOENT)
		return error_sys(e, "set %s/blobs/%s aside", s->dir, sha256);
	return damaged_sync(s, s->blobs_fd, e);
}

/* The name of the newest. */
static bool damaged_newest(struct store *s, const char *sha256,
			   char ret[DAMAGED_NAME_MAX])
{
	int fd = openat(s->damaged_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;

	*ret = '\0';
	if (!d) {
		fd_close(fd);
		return false;
	}
	while ((de = readdir(d)))
		if (str_after(de->d_name, sha256) &&
		    strlen(de->d_name) < DAMAGED_NAME_MAX &&
		    strcmp(de->d_name, ret) > 0)
			strcpy(ret, de->d_name);
	closedir(d);
	return *ret;
}

static bool damaged_is_news(struct store *s, const char *name)
{
	char path[DAMAGED_NAME_MAX + 16];
	auto_close int fd = -1;

	snprintf(path, sizeof(path), "%s/" DAMAGED_TOLD, name);
	fd = openat(s->damaged_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0644);
	return fd >= 0 || errno != EEXIST;
}

bool damaged_tell(struct store *s, const char *sha256, char *ret, size_t n)
{
	auto_buf text = BUF_INIT;
	char name[DAMAGED_NAME_MAX], path[DAMAGED_NAME_MAX + 16];

	if (!damaged_newest(s, sha256, name) || !damaged_is_news(s, name))
		return false;
	snprintf(path, sizeof(path), "%s/" DAMAGED_MARK, name);
	file_read(s->damaged_fd, path, DAMAGED_REASON_MAX, &text, NULL);
	snprintf(ret, n, "%s", text.len ? text.data : "unknown reason");
	ret[strcspn(ret, "\n")] = '\0';
	entry_quote_text(ret);
	return true;
}
