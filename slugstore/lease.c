/*
 * lease.c - who uses a tree, who changes it.
 *
 * A lock file may be removed with its slug. Who opened it before and locks it
 * after would hold a lock that nobody else can see: so after locking, look
 * whether the name still means this file.
 */
#include "base/error.h"
#include "slugstore/lease.h"
#include "slugstore/store_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

/* Changers hold the lock long only while there is no tree. Else it is for a
 * blink: an unpacker that came second looks and leaves. */
#define LEASE_TRIES 100
#define LEASE_PAUSE_NSEC (5 * 1000 * 1000L)

/* A new lock file must not make the slug look leased: that is for the lease
 * alone to say, with lease_touch(). */
static void lease_never(int fd)
{
	const struct timespec never[2] = { { 0 }, { 0 } };

	futimens(fd, never);
}

static int lease_open(struct store *s, const char *sha256, bool *ret_is_new)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(s->locks_fd, sha256, flags);

	*ret_is_new = fd < 0 && errno == ENOENT;
	return *ret_is_new ? openat(s->locks_fd, sha256, flags | O_CREAT, 0644)
			   : fd;
}

int lease_try(struct store *s, const char *sha256, bool exclusive, int *ret_fd,
	      struct error *e)
{
	for (;;) {
		bool is_new;
		auto_close int fd = lease_open(s, sha256, &is_new);
		struct stat mine, there;

		if (fd < 0)
			return error_sys(e, "open %s/locks/%s", s->dir, sha256);
		if (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
			if (errno == EWOULDBLOCK)
				return LEASE_BUSY;
			return error_sys(e, "lock %s/locks/%s", s->dir, sha256);
		}
		if (fstat(fd, &mine) == 0 && mine.st_nlink > 0 &&
		    fstatat(s->locks_fd, sha256, &there, 0) == 0 &&
		    mine.st_ino == there.st_ino) {
			if (is_new)
				lease_never(fd);
			*ret_fd = take_fd(fd);
			return 0;
		}
	}
}

void lease_touch(struct store *s, const char *sha256)
{
	utimensat(s->locks_fd, sha256, NULL, AT_SYMLINK_NOFOLLOW);
}

int lease_look(struct store *s, const char *sha256, enum lease_state *ret,
	       uint64_t *ret_usec, struct error *e)
{
	auto_close int fd = openat(s->locks_fd, sha256, O_RDONLY | O_CLOEXEC |
				   O_NOFOLLOW);
	struct stat st = { 0 };

	if (fd < 0 && errno != ENOENT)
		return error_sys(e, "open %s/locks/%s", s->dir, sha256);
	if (fd >= 0 && fstat(fd, &st) < 0)
		return error_sys(e, "look at %s/locks/%s", s->dir, sha256);
	*ret_usec = (uint64_t)st.st_mtim.tv_sec * USEC_PER_SEC +
		    (uint64_t)st.st_mtim.tv_nsec / 1000;
	if (fd < 0)
		*ret = LEASE_FREE;
	else if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		*ret = LEASE_CHANGING;
	else
		*ret = flock(fd, LOCK_EX | LOCK_NB) < 0 ? LEASE_HELD : LEASE_FREE;
	return 0;
}

void lease_forget(struct store *s, const char *sha256)
{
	unlinkat(s->locks_fd, sha256, 0);
}

int store_lease(struct store *s, const char *sha256, int *ret_fd,
		struct error *e)
{
	const struct timespec pause = { .tv_nsec = LEASE_PAUSE_NSEC };

	for (int i = 0; i < LEASE_TRIES; i++) {
		auto_close int fd = -1;
		int r = store_has_tree(s, sha256, e);

		if (r != 0)
			return r;
		r = lease_try(s, sha256, false, &fd, e);
		if (r < 0)
			return r;
		if (r == 0) {
			/* It may have gone before we had the lock. */
			r = store_has_tree(s, sha256, e);
			if (r == 0) {
				lease_touch(s, sha256);
				*ret_fd = take_fd(fd);
			}
			return r;
		}
		nanosleep(&pause, NULL);
	}
	return error_set(e, EBUSY, "slug %s is being changed", sha256);
}
