/*
 * usage_walk.c - add up the blocks and inodes below a directory.
 *
 * Files with several names are noted, and counted when all is seen: then it is
 * known whether all their names were inside.
 */
#include "base/error.h"
#include "slugstore/space/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define USAGE_DEPTH_MAX 1024
#define USAGE_BLOCK 512		/* unit of st_blocks, see stat(2) */

struct usage_link {
	ino_t ino;
	nlink_t names;
	uint64_t bytes;
};

struct usage_links {
	struct usage_link *v;
	size_t n, room;
};

static void usage_links_deinit(struct usage_links *l)
{
	free(l->v);
}

static void usage_links_add(struct usage_links *l, const struct stat *st)
{
	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->v = xrealloc(l->v, l->room * sizeof(*l->v));
	}
	l->v[l->n++] = (struct usage_link){
		.ino = st->st_ino, .names = st->st_nlink,
		.bytes = (uint64_t)st->st_blocks * USAGE_BLOCK,
	};
}

static int usage_link_compare(const void *a, const void *b)
{
	const struct usage_link *x = a, *y = b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

static void usage_links_count(struct usage_links *l, struct usage *u)
{
	size_t names;

	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), usage_link_compare);
	for (size_t i = 0; i < l->n; i += names) {
		for (names = 1; i + names < l->n; names++)
			if (l->v[i + names].ino != l->v[i].ino)
				break;
		if (names < l->v[i].names) {
			u->shared += l->v[i].bytes;
			continue;
		}
		u->bytes += l->v[i].bytes;
		u->inodes++;
	}
}

static int usage_below(int dirfd, const char *path, unsigned depth,
		       struct usage_links *links, struct usage *u,
		       struct error *e);

static int usage_entry(int dirfd, const char *path, unsigned depth,
		       struct usage_links *links, struct usage *u,
		       struct error *e)
{
	struct stat st;

	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(e, "look at %s", path);
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1) {
		usage_links_add(links, &st);
		return 0;
	}
	u->bytes += (uint64_t)st.st_blocks * USAGE_BLOCK;
	u->inodes++;
	if (!S_ISDIR(st.st_mode))
		return 0;
	return usage_below(dirfd, path, depth + 1, links, u, e);
}

static int usage_below(int dirfd_, const char *path, unsigned depth,
		       struct usage_links *links, struct usage *u,
		       struct error *e)
{
	int fd = openat(dirfd_, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;
	int r = 0;

	/* A directory of a slug may forbid even its owner to read it. */
	if (!d) {
		r = errno == ENOENT || errno == EACCES ? 0
			: error_sys(e, "read directory %s", path);
		fd_close(fd);
		return r;
	}
	if (depth > USAGE_DEPTH_MAX)
		r = error_set(e, ELOOP, "measure %s: too deep", path);
	while (r >= 0 && (de = readdir(d)))
		if (!str_eq(de->d_name, ".") && !str_eq(de->d_name, ".."))
			r = usage_entry(dirfd(d), de->d_name, depth, links, u, e);
	closedir(d);
	return r;
}

int usage_walk(int dirfd, const char *path, struct usage *ret, struct error *e)
{
	auto_(usage_links_deinit) struct usage_links links = { 0 };
	struct usage u = { 0 };
	int r = usage_entry(dirfd, path, 0, &links, &u, e);

	if (r < 0)
		return r;
	usage_links_count(&links, &u);
	*ret = u;
	return 0;
}
