/*
 * pack.c - walk a directory and write down what is there.
 */
#include "slugstore/pack/pack.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "slugstore/pack/slugignore.h"
#include "slugstore/unpack/limits.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define PACK_BLOCK (256 * 1024)
#define PACK_TOP "./app"

struct pack {
	const struct pack_spec *spec;
	struct pack_result *res;
	struct tarball *tar;
	struct slugignore *ignore;
	struct map links;		/* "device:inode" -> path, owned */
	struct entry_verdict *verdict;
	char *block;
};

/* One thing below a directory. */
struct pack_item {
	int dirfd;
	const char *name;		/* in dirfd */
	const char *path;		/* "./app/x" */
	struct stat st;
};

void pack_result_deinit(struct pack_result *r)
{
	strv_deinit(&r->skipped);
}

static void pack_deinit(struct pack *p)
{
	for (struct map_iter it = { 0 }; map_next(&p->links, &it); )
		free(it.value);
	map_deinit(&p->links);
	tarball_free(p->tar);
	slugignore_free(p->ignore);
	free(p->verdict);
	free(p->block);
}

static int pack_changed(const char *path, struct error *e)
{
	return error_set(e, EBUSY, "%s changed while it was read", path);
}

static bool pack_is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool pack_is_unchanged(const struct stat *a, const struct stat *b)
{
	return pack_is_same(a, b) && a->st_size == b->st_size &&
	       a->st_mode == b->st_mode &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* ---- entries ---- */

static int64_t pack_time(const struct pack *p, const struct stat *st)
{
	int64_t sec = st->st_mtim.tv_sec, epoch = p->spec->epoch_sec;

	if (!p->spec->keep_times || (epoch >= 0 && sec > epoch))
		return epoch;
	return sec;
}

/* What will be refused later is refused now, by the same rules. */
static int pack_head(struct pack *p, const struct pack_item *item,
		     const char *symlink, const char *hardlink, struct error *e)
{
	const struct stat *st = &item->st;
	const struct entry_claim claim = {
		.path = item->path, .symlink = symlink, .hardlink = hardlink,
		.mode = (st->st_mode & S_IFMT) | (symlink ? 0777
						  : st->st_mode & 0755),
		.size = S_ISREG(st->st_mode) && !hardlink ? st->st_size : 0,
		.mtime = { .tv_sec = pack_time(p, st) },
	};
	int r = entry_decide(&claim, &limits_slug, p->verdict, e);

	if (r < 0)
		return r;
	assert(r == 0);
	if (++p->res->entries > limits_slug.entries)
		return error_set(e, E2BIG, "%s: more than %" PRIu64 " entries",
				 item->path, limits_slug.entries);
	p->res->files += !S_ISDIR(st->st_mode);
	p->res->bytes += (uint64_t)claim.size;
	return tarball_add(p->tar, &claim, e);
}

static int pack_content(struct pack *p, int fd, const struct pack_item *item,
			struct error *e)
{
	uint64_t left = (uint64_t)item->st.st_size;
	struct stat now;
	int r = 0;

	for (;;) {
		ssize_t n = read(fd, p->block, PACK_BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "read %s", item->path);
		if ((uint64_t)n > left || (n == 0 && left))
			return pack_changed(item->path, e);
		if (n == 0)
			break;
		left -= (uint64_t)n;
		r = tarball_write(p->tar, p->block, (size_t)n, e);
		if (r < 0)
			return r;
		if (p->spec->on_progress)
			p->spec->on_progress(p->res->bytes - left, 0,
					     p->spec->userdata);
	}
	if (fstat(fd, &now) < 0)
		return error_sys(e, "stat %s", item->path);
	return pack_is_unchanged(&item->st, &now) ? 0
						  : pack_changed(item->path, e);
}

/* A descriptor of what was looked at, and of nothing that took its name since. */
static int pack_open(const struct pack_item *item, int flags, struct stat *ret,
		     struct error *e)
{
	auto_close int fd = openat(item->dirfd, item->name, O_RDONLY | O_CLOEXEC |
				   O_NOFOLLOW | flags);

	if (fd < 0)
		return error_sys(e, "open %s", item->path);
	if (fstat(fd, ret) < 0)
		return error_sys(e, "stat %s", item->path);
	if (!pack_is_unchanged(ret, &item->st))
		return pack_changed(item->path, e);
	return take_fd(fd);
}

static int pack_file(struct pack *p, struct pack_item *item, struct error *e)
{
	char key[64];
	const char *first = NULL;
	auto_close int fd = -1;
	struct stat st;
	int r;

	snprintf(key, sizeof(key), "%jx:%jx", (uintmax_t)item->st.st_dev,
		 (uintmax_t)item->st.st_ino);
	if (item->st.st_nlink > 1)
		first = map_get(&p->links, key);
	if (first)
		return pack_head(p, item, NULL, first, e);
	fd = pack_open(item, O_NONBLOCK | O_NOCTTY, &st, e);
	if (fd < 0)
		return fd;
	r = pack_head(p, item, NULL, NULL, e);
	if (r < 0)
		return r;
	if (st.st_nlink > 1)
		map_set(&p->links, key, xstrdup(item->path));
	return pack_content(p, fd, item, e);
}

static int pack_symlink(struct pack *p, const struct pack_item *item,
			struct error *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(item->dirfd, item->name, target,
			       sizeof(target) - 1);

	if (n < 0)
		return error_sys(e, "read link %s", item->path);
	target[n] = '\0';
	return pack_head(p, item, target, NULL, e);
}

/* ---- directories ---- */

static int pack_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int pack_names(int dirfd, const char *path, struct strv *ret,
		      struct error *e)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_CLOEXEC | O_DIRECTORY), r = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;

	if (!d) {
		r = error_sys(e, "read %s", path);
		fd_close(fd);
		return r;
	}
	while (ret->n <= limits_slug.entries && (errno = 0, de = readdir(d)))
		if (!str_eq(de->d_name, ".") && !str_eq(de->d_name, ".."))
			strv_add(ret, de->d_name);
	if (ret->n > limits_slug.entries)
		r = error_set(e, E2BIG, "%s: more than %" PRIu64 " entries", path,
			      limits_slug.entries);
	else if (errno)
		r = error_sys(e, "read %s", path);
	closedir(d);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), pack_compare);
	return r;
}

static bool pack_is_excepted(struct pack *p, const struct pack_item *item)
{
	const char *below = item->path + sizeof(PACK_TOP "/") - 1;

	for (size_t i = 0; i < p->spec->n_except; i++)
		if (pack_is_same(&p->spec->except[i], &item->st))
			return true;
	if (slugignore_is_dropped(below)) {
		p->res->dropped++;
		return true;
	}
	if (p->ignore && slugignore_matches(p->ignore, below,
					    S_ISDIR(item->st.st_mode))) {
		p->res->ignored++;
		return true;
	}
	return false;
}

static int pack_below(struct pack *p, int fd, const struct pack_item *dir,
		      struct error *e);

static int pack_subdirectory(struct pack *p, const struct pack_item *item,
			     struct error *e)
{
	struct stat st;
	auto_close int fd = pack_open(item, O_DIRECTORY, &st, e);
	int r;

	if (fd < 0)
		return fd;
	/* Refuses what is too deep, so that this recursion ends. */
	r = pack_head(p, item, NULL, NULL, e);
	return r < 0 ? r : pack_below(p, fd, item, e);
}

static int pack_item(struct pack *p, struct pack_item *item, struct error *e)
{
	if (fstatat(item->dirfd, item->name, &item->st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "stat %s", item->path);
	if (pack_is_excepted(p, item))
		return 0;
	if (S_ISDIR(item->st.st_mode))
		return pack_subdirectory(p, item, e);
	if (S_ISREG(item->st.st_mode))
		return pack_file(p, item, e);
	if (S_ISLNK(item->st.st_mode))
		return pack_symlink(p, item, e);
	if (p->res->n_skipped++ < PACK_SKIPPED_MAX)
		strv_add(&p->res->skipped, item->path);
	return 0;
}

/* What is in a directory; a name more or less meanwhile changes its times. */
static int pack_below(struct pack *p, int fd, const struct pack_item *dir,
		      struct error *e)
{
	auto_strv names = STRV_INIT;
	struct stat now;
	int r = pack_names(fd, dir->path, &names, e);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		auto_free char *path = xasprintf("%s/%s", dir->path, names.v[i]);
		struct pack_item item = {
			.dirfd = fd, .name = names.v[i], .path = path,
		};

		r = pack_item(p, &item, e);
	}
	if (r < 0)
		return r;
	if (fstat(fd, &now) < 0)
		return error_sys(e, "stat %s", dir->path);
	return pack_is_unchanged(&dir->st, &now) ? 0 : pack_changed(dir->path, e);
}

static int pack_read_ignore(struct pack *p, int fd, struct error *e)
{
	auto_buf text = BUF_INIT;
	struct stat st;
	int r;

	if (fstatat(fd, SLUGIGNORE_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(e, "stat " SLUGIGNORE_NAME);
	if (!S_ISREG(st.st_mode))
		return error_set(e, EINVAL, SLUGIGNORE_NAME " is not a file");
	r = file_read(fd, SLUGIGNORE_NAME, SLUGIGNORE_BYTES_MAX, &text, e);
	return r < 0 ? r : slugignore_parse(buf_str(&text), text.len, &p->ignore,
					    e);
}

static int pack_top(struct pack *p, struct error *e)
{
	auto_close int fd = open(p->spec->dir,
				 O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	struct pack_item top = { .path = PACK_TOP };
	int r;

	if (fd < 0)
		return error_sys(e, "open %s", p->spec->dir);
	if (fstat(fd, &top.st) < 0)
		return error_sys(e, "stat %s", p->spec->dir);
	r = pack_read_ignore(p, fd, e);
	if (r == 0)
		r = pack_head(p, &top, NULL, NULL, e);
	if (r == 0)
		r = pack_below(p, fd, &top, e);
	return r;
}

int pack_directory(const struct pack_spec *spec, struct pack_result *ret,
		   struct error *e)
{
	auto_(pack_deinit) struct pack p = {
		.spec = spec, .res = ret, .links = MAP_INIT,
		.verdict = xmalloc(sizeof(*p.verdict)),
		.block = xmalloc(PACK_BLOCK),
	};
	int r = tarball_open(&p.tar, spec->out_fd, spec->filter, spec->level, e);

	if (r == 0)
		r = pack_top(&p, e);
	return r < 0 ? r : tarball_close(p.tar, e);
}
