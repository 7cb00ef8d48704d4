/*
 * leftover.c - look at damaged/ and partial/, remove from there.
 *
 * A tree is only set aside while nobody has a lease on its slug, and nobody can
 * lease it after: it may go, whoever uses the slug by now. A download belongs to
 * whoever has its file locked.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "slugstore/incoming.h"
#include "slugstore/space/leftover.h"
#include "slugstore/store_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LEFTOVER_STALE_USEC (24 * 3600 * USEC_PER_SEC)
#define LEFTOVER_FROM ".from"

void leftovers_deinit(struct leftovers *all)
{
	for (size_t i = 0; i < all->n; i++)
		free(all->v[i].name);
	free(all->v);
}

static int leftover_dir(struct store *s, enum collect_kind kind)
{
	return kind == COLLECT_DAMAGED ? s->damaged_fd : s->partial_fd;
}

static int leftover_compare(const void *a, const void *b)
{
	const struct leftover *x = a, *y = b;

	if (x->usec != y->usec)
		return x->usec < y->usec ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* "<sha256>.from": goes with its download, and alone if that is not there. */
static bool leftover_follows(int dirfd, const char *name)
{
	const char *dot = strrchr(name, '.');
	auto_free char *first = NULL;
	struct stat st;

	if (!dot || !str_eq(dot, LEFTOVER_FROM))
		return false;
	first = xstrndup(name, (size_t)(dot - name));
	return fstatat(dirfd, first, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int leftover_look(struct leftovers *all, int dirfd, const char *name,
			 enum collect_kind kind, struct error *e)
{
	auto_free char *from = xasprintf("%s" LEFTOVER_FROM, name);
	struct leftover l = { .ages = kind == COLLECT_PARTIAL };
	struct usage more = { 0 };
	struct timespec when;
	struct stat st;
	int r = usage_walk(dirfd, name, &l.usage, e);

	if (r >= 0 && kind == COLLECT_PARTIAL)
		r = usage_walk(dirfd, from, &more, e);
	if (r < 0 || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return r;
	usage_add(&l.usage, &more);
	/* A tree keeps its own times when it is set aside. */
	when = kind == COLLECT_DAMAGED ? st.st_ctim : st.st_mtim;
	l.usec = (uint64_t)when.tv_sec * USEC_PER_SEC +
		 (uint64_t)when.tv_nsec / 1000;
	l.name = xstrdup(name);
	all->v = xrealloc(all->v, (all->n + 1) * sizeof(*all->v));
	all->v[all->n++] = l;
	return 0;
}

int leftovers_look(struct leftovers *ret, struct store *s,
		   enum collect_kind kind, struct error *e)
{
	int fd = openat(leftover_dir(s, kind), ".", O_RDONLY | O_DIRECTORY |
			O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;
	int r = 0;

	if (!d) {
		r = error_sys(e, "list %s/%s", s->dir,
			      collect_kind_names[kind]);
		fd_close(fd);
		return r;
	}
	while (r >= 0 && (de = readdir(d)))
		if (de->d_name[0] != '.' &&
		    !leftover_follows(dirfd(d), de->d_name))
			r = leftover_look(ret, dirfd(d), de->d_name, kind, e);
	closedir(d);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), leftover_compare);
	return r;
}

bool leftover_is_stale(const struct leftover *l)
{
	return l->ages && l->usec + LEFTOVER_STALE_USEC < clock_real_usec();
}

static int leftover_remove_partial(const struct leftover *l, struct store *s,
				   bool dry_run, struct error *e)
{
	auto_close int fd = openat(s->partial_fd, l->name, O_RDONLY | O_CLOEXEC |
				   O_NOFOLLOW | O_NONBLOCK);
	auto_free char *from = xasprintf("%s" LEFTOVER_FROM, l->name);
	struct stat mine, there;

	if (fd < 0)
		return errno == ENOENT ? 0 : error_sys(e, "open %s/partial/%s",
						       s->dir, l->name);
	/* It may have become another one before we had the lock. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &mine) < 0 ||
	    fstatat(s->partial_fd, l->name, &there, AT_SYMLINK_NOFOLLOW) < 0 ||
	    mine.st_ino != there.st_ino)
		return LEFTOVER_BUSY;
	if (dry_run)
		return 0;
	/* Without its .from, a download begins anew: so that goes first. */
	if ((unlinkat(s->partial_fd, from, 0) < 0 && errno != ENOENT) ||
	    (unlinkat(s->partial_fd, l->name, 0) < 0 && errno != ENOENT))
		return error_sys(e, "remove %s/partial/%s", s->dir, l->name);
	return 0;
}

int leftover_remove(const struct leftover *l, struct store *s,
		    enum collect_kind kind, bool dry_run, struct error *e)
{
	if (kind == COLLECT_PARTIAL)
		return leftover_remove_partial(l, s, dry_run, e);
	return dry_run ? 0 : incoming_discard(s, s->damaged_fd, l->name, e);
}
