/*
 * store.c - the directory: open, look, list, verify, remove.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "slugstore/incoming.h"
#include "slugstore/manifest/manifest_check.h"
#include "slugstore/space/damaged.h"
#include "slugstore/space/evict.h"
#include "slugstore/store_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int store_check_name(const char *sha256, struct error *e)
{
	if (id_is_sha256(sha256))
		return 0;
	return error_set(e, EINVAL, "\"%.70s\" is not a SHA-256 (64 lower-case"
			 " hex digits)", sha256);
}

/* The mode is ours whatever the umask, but only if we have made it. */
static int store_open_sub(const char *dir, const char *name, int *ret_fd,
			  struct error *e)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);

	if (mkdir(path, 0755) == 0)
		chmod(path, 0755);
	else if (errno != EEXIST)
		return error_sys(e, "create directory %s", path);
	*ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_fd < 0)
		return error_sys(e, "open directory %s", path);
	return 0;
}

int store_open(struct store **ret, const char *dir, struct error *e)
{
	auto_(store_free_p) struct store *s = xcalloc(1, sizeof(*s));
	const struct { const char *name; int *fd; } subs[] = {
		{ "blobs", &s->blobs_fd },
		{ "trees", &s->trees_fd },
		{ "incoming", &s->incoming_fd },
		{ "locks", &s->locks_fd },
		{ "partial", &s->partial_fd },
		{ "pins", &s->pins_fd },
		{ "damaged", &s->damaged_fd },
	};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(subs); i++)
		*subs[i].fd = -1;
	s->dir = xstrdup(dir);
	r = file_make_dirs(dir, 0755, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(subs); i++)
		r = store_open_sub(dir, subs[i].name, subs[i].fd, e);
	if (r < 0)
		return error_prefix(e, r, "open slug store");
	incoming_sweep(s);
	*ret = take_ptr(s);
	return 0;
}

struct store *store_free(struct store *s)
{
	if (s) {
		fd_close(s->blobs_fd);
		fd_close(s->trees_fd);
		fd_close(s->incoming_fd);
		fd_close(s->locks_fd);
		fd_close(s->partial_fd);
		fd_close(s->pins_fd);
		fd_close(s->damaged_fd);
		free(s->dir);
		free(s);
	}
	return NULL;
}

void store_on_progress(struct store *s, store_progress_fn fn, void *userdata)
{
	s->on_progress = fn;
	s->userdata = userdata;
}

int store_open_blob(struct store *s, const char *sha256, int *ret_fd,
		    uint64_t *ret_size, struct error *e)
{
	auto_close int fd = -1;
	struct stat st;
	int r = store_check_name(sha256, e);

	if (r < 0)
		return r;
	fd = openat(s->blobs_fd, sha256, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return STORE_ABSENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(e, "open %s/blobs/%s", s->dir, sha256);
	*ret_fd = take_fd(fd);
	if (ret_size)
		*ret_size = (uint64_t)st.st_size;
	return 0;
}

int store_has(struct store *s, const char *sha256, uint64_t *ret_size,
	      struct error *e)
{
	auto_close int fd = -1;

	return store_open_blob(s, sha256, &fd, ret_size, e);
}

/* The file that is written last, with its own last line: a power cut may have
 * taken that. */
static int store_has_mark(struct store *s, const char *sha256, struct error *e)
{
	char path[SHA256_HEX_MAX + sizeof("/.ok")];
	auto_close int fd = -1;

	snprintf(path, sizeof(path), "%s/.ok", sha256);
	fd = openat(s->trees_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
		    O_NONBLOCK);
	if (fd < 0 && errno != ENOENT)
		return error_sys(e, "look for %s/trees/%s", s->dir, path);
	return fd >= 0 && manifest_check_end(fd) ? 0 : STORE_ABSENT;
}

int store_has_tree(struct store *s, const char *sha256, struct error *e)
{
	int r = store_check_name(sha256, e);

	if (r >= 0)
		r = store_has_mark(s, sha256, e);
	if (r == 0)
		r = damaged_take_marked(s, sha256, e);
	return r > 0 ? STORE_ABSENT : r;
}

int store_list_dir(int dirfd, struct strv *ret, struct error *e)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;
	int r = 0;

	if (!d) {
		r = error_sys(e, "list slugs");
		fd_close(fd);
		return r;
	}
	/* Half a list would be taken for the whole. */
	for (errno = 0; (de = readdir(d)); errno = 0)
		if (id_is_sha256(de->d_name))
			strv_add(ret, de->d_name);
	if (errno)
		r = error_sys(e, "list slugs");
	closedir(d);
	return r;
}

int store_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int store_sync_dir(struct store *s, int dir_fd, const char *name,
		   struct error *e)
{
	if (fsync(dir_fd) < 0)
		return error_sys(e, "sync %s/%s", s->dir, name);
	return 0;
}

int store_list(struct store *s, struct strv *ret_sha256s, struct error *e)
{
	auto_strv all = STRV_INIT;
	int r = store_list_dir(s->blobs_fd, &all, e);

	if (r >= 0)
		r = store_list_dir(s->trees_fd, &all, e);
	if (r < 0)
		return r;
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), store_compare);
	for (size_t i = 0; i < all.n; i++)
		if (i == 0 || !str_eq(all.v[i], all.v[i - 1]))
			strv_add(ret_sha256s, all.v[i]);
	return 0;
}

int store_remove(struct store *s, const char *sha256, struct error *e)
{
	struct eviction ev = EVICTION_INIT;
	int r = store_check_name(sha256, e);

	if (r < 0)
		return r;
	r = evict(&ev, s, sha256, EVICT_ALL, e);
	evict_finish(&ev);
	if (r == EVICT_BUSY)
		return error_set(e, EBUSY, "slug %s is in use", sha256);
	if (r == EVICT_PINNED)
		return error_set(e, EBUSY, "slug %s is wanted: it is pinned",
				 sha256);
	return error_prefix(e, r, "remove slug");
}
