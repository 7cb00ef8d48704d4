/*
 * pins.c - empty files: which slugs somebody's desired state wants.
 *
 * Pins are made before others are removed, and the directory is synced between
 * the two: so at no moment, not even after a power cut, has a slug lost its
 * pin that is wanted before and after.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/strv.h"
#include "slugstore/space/pins.h"
#include "slugstore/store_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define PINS_WAIT_USEC (10 * USEC_PER_SEC)
#define PINS_PAUSE_NSEC (1000 * 1000L)

/* Not by sleeping in flock(): a stopped holder must not stop a daemon. */
int pins_lock(struct store *s, int *ret_fd, struct error *e)
{
	const struct timespec pause = { .tv_nsec = PINS_PAUSE_NSEC };
	uint64_t deadline = clock_mono_usec() + PINS_WAIT_USEC;
	auto_close int fd = openat(s->pins_fd, ".", O_RDONLY | O_DIRECTORY |
				   O_CLOEXEC);

	if (fd < 0)
		return error_sys(e, "open %s/pins", s->dir);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_sys(e, "lock %s/pins", s->dir);
		if (clock_mono_usec() > deadline)
			return error_set(e, EBUSY, "%s/pins is locked by"
					 " another process", s->dir);
		nanosleep(&pause, NULL);
	}
	*ret_fd = take_fd(fd);
	return 0;
}

int pins_has(struct store *s, const char *sha256, struct error *e)
{
	struct stat st;

	if (fstatat(s->pins_fd, sha256, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno == ENOENT)
		return PINS_ABSENT;
	return error_sys(e, "look for %s/pins/%s", s->dir, sha256);
}

static int pins_add(struct store *s, const char *sha256, struct error *e)
{
	auto_close int fd = openat(s->pins_fd, sha256, O_RDONLY | O_CREAT |
				   O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return error_sys(e, "create %s/pins/%s", s->dir, sha256);
	return 0;
}

static int pins_drop(struct store *s, const char *sha256, struct error *e)
{
	if (unlinkat(s->pins_fd, sha256, 0) < 0 && errno != ENOENT)
		return error_sys(e, "remove %s/pins/%s", s->dir, sha256);
	return 0;
}

int store_pin(struct store *s, const char *sha256, bool on, struct error *e)
{
	auto_close int lock_fd = -1;
	int r = store_check_name(sha256, e);

	if (r >= 0)
		r = pins_lock(s, &lock_fd, e);
	if (r >= 0)
		r = on ? pins_add(s, sha256, e) : pins_drop(s, sha256, e);
	/* Also if nothing changed: who changed it may have died before this. */
	if (r >= 0)
		r = store_sync_dir(s, s->pins_fd, "pins", e);
	return error_prefix(e, r, "pin slug");
}

int store_pins(struct store *s, struct strv *ret_sha256s, struct error *e)
{
	auto_strv all = STRV_INIT;
	int r = store_list_dir(s->pins_fd, &all, e);

	if (r < 0)
		return error_prefix(e, r, "list pins");
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), store_compare);
	for (size_t i = 0; i < all.n; i++)
		strv_add(ret_sha256s, all.v[i]);
	return 0;
}

/* wanted is sorted. */
static bool pins_wants(const struct strv *wanted, const char *sha256)
{
	return wanted->n && bsearch(&sha256, wanted->v, wanted->n,
				    sizeof(*wanted->v), store_compare);
}

static int pins_replace(struct store *s, const struct strv *wanted,
			struct error *e)
{
	auto_strv old = STRV_INIT;
	int r = store_list_dir(s->pins_fd, &old, e);

	for (size_t i = 0; r >= 0 && i < wanted->n; i++)
		r = pins_add(s, wanted->v[i], e);
	if (r >= 0)
		r = store_sync_dir(s, s->pins_fd, "pins", e);
	for (size_t i = 0; r >= 0 && i < old.n; i++)
		if (!pins_wants(wanted, old.v[i]))
			r = pins_drop(s, old.v[i], e);
	if (r >= 0)
		r = store_sync_dir(s, s->pins_fd, "pins", e);
	return r;
}

int store_keep_only(struct store *s, const struct strv *wanted,
		    struct error *e)
{
	auto_strv sorted = STRV_INIT;
	auto_close int lock_fd = -1;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < wanted->n; i++) {
		r = store_check_name(wanted->v[i], e);
		strv_add(&sorted, wanted->v[i]);
	}
	if (sorted.n)
		qsort(sorted.v, sorted.n, sizeof(*sorted.v), store_compare);
	if (r >= 0)
		r = pins_lock(s, &lock_fd, e);
	if (r >= 0)
		r = pins_replace(s, &sorted, e);
	return error_prefix(e, r, "pin slugs");
}
