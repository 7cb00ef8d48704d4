/*
 * import.c - a blob comes in: hashed while it is written, durable before it
 * has its name. Two imports of the same bytes are both right: the second takes
 * the name over, since what the first has written may be damaged by now.
 *
 * The bytes stand below incoming/, which nobody takes up again, or below
 * partial/, which the next import of this digest does. Those that another
 * process has left are not believed: they are hashed at the end.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "slugstore/digest.h"
#include "slugstore/incoming.h"
#include "slugstore/partial.h"
#include "slugstore/space/space.h"
#include "slugstore/store_dir.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define IMPORT_BLOCK (256 * 1024)
#define IMPORT_PAUSE_NSEC (20 * 1000 * 1000L)
#define IMPORT_CHECK_BYTES (4 * 1024 * 1024)

struct store_import {
	struct store *store;
	struct incoming in;
	struct partial part;	/* one of both is there until it is published */
	struct digest *digest;
	uint64_t size, max;
	uint64_t hashed;	/* of these, from the first on */
	char *from;
	bool broken;		/* a write has failed: nothing to keep */
	uint64_t reserved;	/* file size for which there is room */
	uint64_t checked;	/* of unknown size: asked for room up to here */
};

static int import_new(struct store *s, uint64_t max, struct store_import **ret,
		      struct error *e)
{
	auto_(store_import_free_p) struct store_import *imp =
		xcalloc(1, sizeof(*imp));
	int r;

	imp->store = s;
	imp->max = max;
	imp->in = INCOMING_INIT;
	imp->part = PARTIAL_INIT;
	r = digest_new(&imp->digest, e);
	if (r == 0)
		*ret = take_ptr(imp);
	return r;
}

int store_import_begin(struct store *s, uint64_t max,
		       struct store_import **ret, struct error *e)
{
	auto_(store_import_free_p) struct store_import *imp = NULL;
	int r = import_new(s, max, &imp, e);

	if (r >= 0)
		r = space_make(s, 0, 1, e);
	if (r >= 0)
		r = incoming_new_file(&imp->in, s, e);
	if (r < 0)
		return r;
	*ret = take_ptr(imp);
	return 0;
}

/* Until the lock is ours or the blob is there. */
static int import_claim(struct store_import *imp, const char *sha256,
			uint64_t wait_sec, struct error *e)
{
	const struct timespec pause = { .tv_nsec = IMPORT_PAUSE_NSEC };
	uint64_t end = clock_mono_usec() + wait_sec * USEC_PER_SEC;

	for (;;) {
		int r = partial_claim(&imp->part, imp->store, sha256,
				      &imp->size, e);

		if (r < 0)
			return r;
		/* Its writer publishes before it unlocks. */
		if (store_has(imp->store, sha256, NULL, NULL) == 0) {
			partial_drop(&imp->part);
			return STORE_PRESENT;
		}
		if (r == 0)
			return 0;
		if (clock_mono_usec() >= end)
			return error_set(e, EBUSY, "slug %s: another process has"
					 " been getting it for %" PRIu64 " s",
					 sha256, wait_sec);
		nanosleep(&pause, NULL);
	}
}

int store_import_resume(struct store *s, uint64_t max, const char *sha256,
			uint64_t wait_sec, struct store_import **ret,
			struct error *e)
{
	auto_(store_import_free_p) struct store_import *imp = NULL;
	int r = store_has(s, sha256, NULL, e);

	if (r == 0)
		return STORE_PRESENT;
	if (r >= 0)
		r = import_new(s, max, &imp, e);
	/* What has begun has its inodes, and is not to be collected for them. */
	if (r >= 0 && faccessat(s->partial_fd, sha256, F_OK, 0) < 0)
		r = space_make(s, 0, 2, e);
	if (r >= 0)
		r = import_claim(imp, sha256, wait_sec, e);
	if (r != 0)
		return r;
	if (imp->size)
		imp->from = partial_read_from(&imp->part);
	/* Without its version it is of no use, nor is one that is too large. */
	if (!imp->from || (max && imp->size > max)) {
		r = store_import_restart(imp, e);
		if (r < 0)
			return r;
	}
	if (lseek(imp->part.fd, (off_t)imp->size, SEEK_SET) < 0)
		return error_sys(e, "seek in %s/partial/%s", s->dir, sha256);
	*ret = take_ptr(imp);
	return 0;
}

struct store_import *store_import_free(struct store_import *imp)
{
	if (imp) {
		incoming_deinit(&imp->in);
		/* Bytes of no known version would not be taken up. */
		if (imp->broken || !imp->from)
			partial_drop(&imp->part);
		else if (imp->part.store && imp->reserved > imp->size)
			space_trim(imp->part.fd);
		partial_deinit(&imp->part);
		digest_free(imp->digest);
		free(imp->from);
		free(imp);
	}
	return NULL;
}

uint64_t store_import_size(const struct store_import *imp)
{
	return imp->size;
}

const char *store_import_from(const struct store_import *imp)
{
	return imp->from;
}

int store_import_set_from(struct store_import *imp, const char *from,
			  struct error *e)
{
	free(imp->from);
	imp->from = NULL;
	if (!from || strlen(from) > PARTIAL_FROM_MAX)
		return 0;
	imp->from = xstrdup(from);
	return imp->part.store ? partial_write_from(&imp->part, from, e) : 0;
}

static int import_fd(const struct store_import *imp)
{
	assert(imp->in.store || imp->part.store);	/* not finished yet */
	return imp->part.store ? imp->part.fd : imp->in.fd;
}

int store_import_restart(struct store_import *imp, struct error *e)
{
	char unused[SHA256_HEX_MAX];
	int fd = import_fd(imp);

	digest_hex(imp->digest, unused);
	imp->size = imp->hashed = imp->reserved = imp->checked = 0;
	store_import_set_from(imp, NULL, NULL);
	if (imp->part.store)
		return partial_empty(&imp->part, e);
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(e, "empty a file below incoming");
	return 0;
}

int store_import_reserve(struct store_import *imp, uint64_t size,
			 struct error *e)
{
	int r, fd = import_fd(imp);

	if (imp->max && size > imp->max)
		return error_set(e, EFBIG, "slug: more than %" PRIu64 " bytes",
				 imp->max);
	r = space_reserve(imp->store, fd, size, e);
	if (r < 0)
		return error_prefix(e, r, "slug");
	imp->reserved = size;
	return 0;
}

/* What is not reserved is asked for from time to time. */
static int import_make_room(struct store_import *imp, size_t n,
			    struct error *e)
{
	uint64_t end = imp->size + n;
	int r;

	if (end <= imp->reserved || end <= imp->checked)
		return 0;
	r = space_make(imp->store, n, 0, e);
	if (r >= 0)
		imp->checked = end + IMPORT_CHECK_BYTES;
	return r;
}

int store_import_write(struct store_import *imp, const void *data, size_t n,
		       struct error *e)
{
	int r, fd = import_fd(imp);

	if (imp->max && n > imp->max - imp->size) {
		imp->broken = true;
		return error_set(e, EFBIG, "slug: more than %" PRIu64 " bytes",
				 imp->max);
	}
	r = import_make_room(imp, n, e);
	if (r >= 0)
		r = space_explain(imp->store, file_write_all(fd, data, n, e), e);
	if (r < 0) {
		imp->broken = true;
		return error_prefix(e, r, "slug: %s", imp->store->dir);
	}
	if (imp->hashed == imp->size) {
		digest_add(imp->digest, data, n);
		imp->hashed += n;
	}
	imp->size += n;
	return 0;
}

/* The bytes that were there before we came. */
static int import_hash_rest(struct store_import *imp, struct error *e)
{
	auto_free char *block = NULL;

	if (imp->hashed < imp->size)
		block = xmalloc(IMPORT_BLOCK);
	while (imp->hashed < imp->size) {
		ssize_t n = pread(imp->part.fd, block, IMPORT_BLOCK,
				  (off_t)imp->hashed);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "read %s/partial/%s",
					 imp->store->dir, imp->part.sha256);
		if (n == 0)
			return error_set(e, EIO, "%s/partial/%s has shrunk",
					 imp->store->dir, imp->part.sha256);
		digest_add(imp->digest, block, (size_t)n);
		imp->hashed += (uint64_t)n;
	}
	return 0;
}

/* 0: it has its name. 1: an image that is in use keeps it; its bytes would have
 * two places from now on. */
static int import_rename(struct store *s, int from_fd, const char *from,
			 const char *sha256, struct error *e)
{
	struct stat st;

	if (renameat2(from_fd, from, s->blobs_fd, sha256, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST && fstatat(s->blobs_fd, sha256, &st,
				       AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_nlink > 1) {
		/* Wanted again: not the least recently used any more. */
		utimensat(s->blobs_fd, sha256, NULL, AT_SYMLINK_NOFOLLOW);
		return 1;
	}
	if (errno == EEXIST && renameat(from_fd, from, s->blobs_fd, sha256) == 0)
		return 0;
	return error_sys(e, "create %s/blobs/%s", s->dir, sha256);
}

/* Give the blob its name, for ever. */
static int import_publish(struct store_import *imp, const char *sha256,
			  struct error *e)
{
	struct store *s = imp->store;
	bool part = imp->part.store != NULL;
	int r, fd = import_fd(imp);

	if (imp->reserved > imp->size)
		space_trim(fd);
	if (fchmod(fd, 0644) < 0)
		return error_sys(e, "change the mode of %s/blobs/%s", s->dir,
				 sha256);
	if (fsync(fd) < 0)
		return error_sys(e, "sync %s/blobs/%s", s->dir, sha256);
	r = part ? partial_forget_from(&imp->part, e) : 0;
	if (r < 0)
		return r;
	r = import_rename(s, part ? s->partial_fd : s->incoming_fd,
			  part ? sha256 : imp->in.name, sha256, e);
	if (r < 0)
		return r;
	if (r == 0) {
		incoming_moved(&imp->in);
		partial_moved(&imp->part);
	}
	incoming_deinit(&imp->in);
	partial_drop(&imp->part);
	return store_sync_dir(s, s->blobs_fd, "blobs", e);
}

int store_import_finish(struct store_import *imp, const char *expected,
			char ret_sha256[SHA256_HEX_MAX], uint64_t *ret_size,
			struct error *e)
{
	char sha256[SHA256_HEX_MAX];
	int r;

	if (imp->part.store)
		expected = imp->part.sha256;
	if (imp->size == 0)
		return error_set(e, EINVAL, "slug: the file is empty");
	if (expected) {
		r = store_check_name(expected, e);
		if (r < 0)
			return r;
	}
	r = import_hash_rest(imp, e);
	if (r < 0)
		return r;
	digest_hex(imp->digest, sha256);
	if (expected && !str_eq(expected, sha256)) {
		r = store_import_restart(imp, e);
		if (r < 0)
			return r;
		return error_set(e, EBADMSG, "slug: wrong SHA-256: expected %s,"
				 " got %s", expected, sha256);
	}
	r = space_explain(imp->store, import_publish(imp, sha256, e), e);
	if (r < 0) {
		/* After a failed fsync nobody knows what is on the disk. */
		imp->broken = true;
		return error_prefix(e, r, "slug");
	}
	memcpy(ret_sha256, sha256, sizeof(sha256));
	if (ret_size)
		*ret_size = imp->size;
	return 0;
}
