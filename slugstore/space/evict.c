/*
 * evict.c - out of sight under the locks, deleted without them.
 */
#include "base/error.h"
#include "slugstore/lease.h"
#include "slugstore/space/evict.h"
#include "slugstore/space/pins.h"
#include "slugstore/store_dir.h"

/* The blob first: without it nobody can begin to unpack anew. */
static int evict_rename(struct eviction *ev, struct store *s,
			const char *sha256, enum evict_what what,
			struct error *e)
{
	int r = 0;

	if (what != EVICT_TREE)
		r = incoming_take(&ev->blob, s, s->blobs_fd, sha256, e);
	if (r >= 0 && what != EVICT_BLOB)
		r = incoming_take(&ev->tree, s, s->trees_fd, sha256, e);
	return r;
}

static int evict_unless_pinned(struct eviction *ev, struct store *s,
			       const char *sha256, enum evict_what what,
			       struct error *e)
{
	auto_close int pins_fd = -1;
	int r = pins_lock(s, &pins_fd, e);

	if (r >= 0)
		r = pins_has(s, sha256, e);
	if (r < 0)
		return r;
	return r == 0 ? EVICT_PINNED : evict_rename(ev, s, sha256, what, e);
}

/* A tree half deleted with its .ok still there would count as whole: the disk
 * is to know that it has left before the first file goes. */
static int evict_sync(struct eviction *ev, struct store *s, struct error *e)
{
	int r = 0;

	if (ev->blob.store)
		r = store_sync_dir(s, s->blobs_fd, "blobs", e);
	if (r >= 0 && ev->tree.store)
		r = store_sync_dir(s, s->trees_fd, "trees", e);
	return r;
}

/*
 * The lock of a slug that was never unpacked is yet to be made, and that may be
 * what there is no inode for: then its blob goes without. Who makes a lock and
 * a tree at this moment has the blob open or finds it absent, and both is well;
 * a lease needs a tree, and those stay.
 */
static int evict_lock(struct store *s, const char *sha256,
		      enum evict_what *what, int *ret_fd, struct error *e)
{
	int r = lease_try(s, sha256, true, ret_fd, e);

	if ((r != -ENOSPC && r != -EDQUOT) || *what != EVICT_ALL)
		return r;
	*what = EVICT_BLOB;
	return store_has_tree(s, sha256, NULL) == STORE_ABSENT ? 0 : r;
}

int evict(struct eviction *ret, struct store *s, const char *sha256,
	  enum evict_what what, struct error *e)
{
	auto_close int lock_fd = -1;
	int r = evict_lock(s, sha256, &what, &lock_fd, e);

	if (r == LEASE_BUSY)
		return EVICT_BUSY;
	if (r >= 0)
		r = evict_unless_pinned(ret, s, sha256, what, e);
	if (r != 0)
		return r;
	if (lock_fd >= 0 && (what == EVICT_ALL ||
			     store_has(s, sha256, NULL, NULL) == STORE_ABSENT))
		lease_forget(s, sha256);
	/* Who wants to lease or unpack need not wait for the disk. */
	lock_fd = fd_close(lock_fd);
	return evict_sync(ret, s, e);
}

void evict_finish(struct eviction *ev)
{
	incoming_deinit(&ev->blob);
	incoming_deinit(&ev->tree);
}
