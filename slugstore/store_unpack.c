/*
 * store_unpack.c - a tree appears in the store: whole, once, durable.
 *
 * Single flight between processes is the exclusive lock on the slug. Who waits
 * for it asks again and again instead of sleeping in flock(): the first one may
 * be through and the tree leased for days by the time we would be let in.
 */
#include "base/clock.h"
#include "base/error.h"
#include "slugstore/incoming.h"
#include "slugstore/lease.h"
#include "slugstore/manifest/manifest_check.h"
#include "slugstore/space/space.h"
#include "slugstore/store_dir.h"
#include "slugstore/unpack/inflate.h"
#include "slugstore/unpack/limits.h"
#include "slugstore/unpack/sandbox_unpack.h"
#include "slugstore/unpack/unpack.h"
#include "slugstore/verify.h"
#include "slugstore/verity.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define STORE_WAIT_USEC (600 * USEC_PER_SEC)
#define STORE_PAUSE_NSEC (20 * 1000 * 1000L)
#define STORE_MODE 0644		/* of blobs and manifests */

/* Not the slug's own fault if its blob is not what the name says: away with it,
 * then it is fetched anew. */
static int store_unpack_failed(struct store *s, const char *sha256, int r,
			       struct error *e)
{
	struct verify v;
	struct error ignored;

	if (verify_slug(s, sha256, VERIFY_BLOB, &v, &ignored) < 0 ||
	    v.blob.state != VERIFY_DAMAGED)
		return r;
	return error_set(e, EBADMSG, "the blob %s is damaged, and has been set"
			 " aside", sha256);
}

/* What is checked by nobody else when it is read. */
static void store_unpack_seal(int tree_fd, int blob_fd, bool is_image)
{
	auto_close int fd = openat(tree_fd, ".ok", O_RDONLY | O_CLOEXEC |
				   O_NOFOLLOW);

	if (fd >= 0)
		verity_enable(fd);
	if (is_image)
		verity_enable(blob_fd);
}

/* The sandbox can change these two of a file that it was given, whoever is in it.
 * A time to come would make the slug the last to be collected. */
static void store_unpack_mend(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return;
	if ((st.st_mode & 07777) != STORE_MODE)
		fchmod(fd, STORE_MODE);
	if (st.st_mtim.tv_sec < 0 || st.st_mtim.tv_sec > time(NULL))
		futimens(fd, NULL);
}

/* The manifest is whole; whether it tells the truth, store_verify() finds out. */
static int store_unpack_check(int ok_fd, struct error *e)
{
	struct stat st;

	if (fstat(ok_fd, &st) < 0)
		return error_sys(e, "look at the manifest");
	return st.st_size > 0 && manifest_check_end(ok_fd) ? 0
		: error_set(e, EPROTO, "the sandbox made no manifest");
}

static int store_unpack_into(struct store *s, const char *sha256, int blob_fd,
			     int tree_fd, struct error *e)
{
	const struct inflate_source src = {
		.fd = blob_fd, .limits = &limits_slug,
		.on_progress = s->on_progress, .userdata = s->userdata,
	};
	auto_close int ok_fd = -1;
	struct unpack_result res;
	int r;

	ok_fd = openat(tree_fd, ".ok", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
		       STORE_MODE);
	if (ok_fd < 0)
		return error_sys(e, "create .ok");
	r = sandbox_unpack(&src, tree_fd, ok_fd, &res, e);
	store_unpack_mend(blob_fd);
	store_unpack_mend(ok_fd);
	if (r >= 0)
		r = store_unpack_check(ok_fd, e);
	if (r < 0)
		return r;
	if (!str_eq(res.sha256, sha256))
		return error_set(e, EBADMSG, "the blob %s is damaged: its"
				 " SHA-256 is %s", sha256, res.sha256);
	if (res.image != IMAGE_NONE &&
	    linkat(s->blobs_fd, sha256, tree_fd, "image", 0) < 0)
		return error_sys(e, "link the image");
	ok_fd = fd_close(ok_fd);
	store_unpack_seal(tree_fd, blob_fd, res.image != IMAGE_NONE);
	if (fchmod(tree_fd, 0755) < 0)
		return error_sys(e, "change the mode of the tree");
	/* One call for all files; an fsync for each takes many times longer. */
	if (syncfs(tree_fd) < 0)
		return error_sys(e, "sync the tree");
	return 0;
}

/* With the lock held: make the tree and give it its name. */
static int store_unpack_locked(struct store *s, const char *sha256, int blob_fd,
			       struct error *e)
{
	auto_(incoming_deinit) struct incoming in = INCOMING_INIT;
	int r = incoming_new_dir(&in, s, e);

	if (r >= 0)
		r = space_explain(s, store_unpack_into(s, sha256, blob_fd,
						       in.fd, e), e);
	/* Without its .ok, what may be there is nobody's. */
	if (r >= 0)
		r = incoming_discard(s, s->trees_fd, sha256, e);
	if (r < 0)
		return r;
	if (renameat2(s->incoming_fd, in.name, s->trees_fd, sha256,
		      RENAME_NOREPLACE) < 0)
		return error_sys(e, "create %s/trees/%s", s->dir, sha256);
	incoming_moved(&in);
	return store_sync_dir(s, s->trees_fd, "trees", e);
}

/* 0 with the lock, or 1: another process has unpacked it. */
static int store_unpack_lock(struct store *s, const char *sha256, int *ret_fd,
			     struct error *e)
{
	const struct timespec pause = { .tv_nsec = STORE_PAUSE_NSEC };
	uint64_t deadline = clock_mono_usec() + STORE_WAIT_USEC;

	for (;;) {
		auto_close int fd = -1;
		int r = store_has_tree(s, sha256, e);

		if (r <= 0)
			return r < 0 ? r : 1;
		r = lease_try(s, sha256, true, &fd, e);
		if (r < 0)
			return r;
		if (r == 0) {
			r = store_has_tree(s, sha256, e);
			if (r <= 0)
				return r < 0 ? r : 1;
			*ret_fd = take_fd(fd);
			return 0;
		}
		if (clock_mono_usec() > deadline)
			return error_set(e, EBUSY, "%s is locked by another"
					 " process", sha256);
		nanosleep(&pause, NULL);
	}
}

int store_unpack(struct store *s, const char *sha256, struct error *e)
{
	auto_close int blob_fd = -1, lock_fd = -1;
	int r = store_has_tree(s, sha256, e);

	if (r <= 0)
		return r;
	r = store_unpack_lock(s, sha256, &lock_fd, e);
	if (r == 1)
		return 0;
	/* Under the lock, so that no remover comes between. */
	if (r >= 0)
		r = store_open_blob(s, sha256, &blob_fd, NULL, e);
	if (r == STORE_ABSENT)
		lease_forget(s, sha256);
	if (r == 0)
		r = space_make_for_tree(s, blob_fd, e);
	if (r == 0)
		r = store_unpack_locked(s, sha256, blob_fd, e);
	if (r < 0 && blob_fd >= 0)
		r = store_unpack_failed(s, sha256, r, e);
	return error_prefix(e, r, "slug");
}

int store_check(int blob_fd, uint64_t *ret_entries, uint64_t *ret_bytes,
		struct error *e)
{
	const struct inflate_source src = { .fd = blob_fd, .limits = &limits_slug };
	struct unpack_result res;
	int r = sandbox_unpack(&src, -1, -1, &res, e);

	if (r < 0)
		return error_prefix(e, r, "slug");
	*ret_entries = res.entries;
	*ret_bytes = res.bytes;
	return 0;
}
