/*
 * usage.c - sums, notes, and the file system's own numbers.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "slugstore/incoming.h"
#include "slugstore/space/pins.h"
#include "slugstore/space/usage.h"
#include "slugstore/store_dir.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define USAGE_NOTE ".usage"
#define USAGE_NOTE_MAX 64
#define USAGE_BLOCK 512

void usage_add(struct usage *sum, const struct usage *u)
{
	sum->bytes += u->bytes;
	sum->inodes += u->inodes;
	sum->shared += u->shared;
}

static uint64_t usage_usec(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * USEC_PER_SEC + (uint64_t)t->tv_nsec / 1000;
}

/* The note is not synced: after a power cut it may be empty or cut. */
static bool usage_read_note(int tree_fd, struct usage *ret)
{
	auto_buf text = BUF_INIT;
	struct usage u = { 0 };
	int n = 0;

	if (file_read(tree_fd, USAGE_NOTE, USAGE_NOTE_MAX, &text, NULL) < 0 ||
	    sscanf(buf_str(&text), "%" SCNu64 " %" SCNu64 "%n", &u.bytes,
		   &u.inodes, &n) != 2 || !str_eq(buf_str(&text) + n, "\n"))
		return false;
	*ret = u;
	return true;
}

/* With the note itself. Under a shared lock, so that nobody deletes the tree
 * around it; who cannot have that or write there does without. */
static void usage_write_note(struct store *s, const char *sha256, int tree_fd,
			     struct usage *u)
{
	auto_close int lock_fd = -1;
	char text[USAGE_NOTE_MAX];
	struct usage_fs fs;

	if (lease_try(s, sha256, false, &lock_fd, NULL) != 0 ||
	    store_has_tree(s, sha256, NULL) != 0 || usage_fs(s, &fs, NULL) < 0)
		return;
	snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 "\n",
		 u->bytes + fs.block, u->inodes + 1);
	if (incoming_write(s, tree_fd, USAGE_NOTE, text, 0644, NULL) < 0)
		return;
	u->bytes += fs.block;
	u->inodes++;
}

int usage_tree(struct store *s, const char *sha256, struct usage *ret,
	       struct error *e)
{
	auto_close int tree_fd = openat(s->trees_fd, sha256, O_RDONLY |
					O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct usage u = { 0 };
	int r;

	if (tree_fd < 0 && errno != ENOENT)
		return error_sys(e, "open %s/trees/%s", s->dir, sha256);
	if (tree_fd >= 0 && !usage_read_note(tree_fd, &u)) {
		r = usage_walk(s->trees_fd, sha256, &u, e);
		if (r < 0)
			return r;
		/* What is shared may be ours alone tomorrow. */
		if (!u.shared)
			usage_write_note(s, sha256, tree_fd, &u);
	}
	*ret = u;
	return 0;
}

/* Files of a directory, by names that are SHA-256. */
static int usage_blob(struct store *s, const char *sha256, struct stat *ret_st,
		      struct usage *ret, struct error *e)
{
	*ret = (struct usage){ 0 };
	if (fstatat(s->blobs_fd, sha256, ret_st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? STORE_ABSENT
			: error_sys(e, "look at %s/blobs/%s", s->dir, sha256);
	ret->bytes = (uint64_t)ret_st->st_blocks * USAGE_BLOCK;
	ret->inodes = 1;
	return 0;
}

static int usage_blobs_and_trees(struct store *s, struct usage_store *ret,
				 struct error *e)
{
	auto_strv all = STRV_INIT;
	struct usage u;
	struct stat st;
	int r = store_list(s, &all, e);

	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		r = usage_blob(s, all.v[i], &st, &u, e);
		usage_add(&ret->blobs, &u);
		if (r >= 0)
			r = usage_tree(s, all.v[i], &u, e);
		if (r >= 0)
			usage_add(&ret->trees, &u);
	}
	return r;
}

static void usage_directory(int fd, const char *path, struct usage *sum)
{
	struct stat st;

	if (fstatat(fd, path, &st, 0) == 0)
		usage_add(sum, &(struct usage){
			.bytes = (uint64_t)st.st_blocks * USAGE_BLOCK,
			.inodes = 1 });
}

int usage_store(struct store *s, struct usage_store *ret, struct error *e)
{
	struct usage_store all = { 0 };
	const struct { int fd; struct usage *u; } walks[] = {
		{ s->partial_fd, &all.partial }, { s->damaged_fd, &all.damaged },
		{ s->incoming_fd, &all.incoming },
	};
	const int others[] = { s->locks_fd, s->pins_fd };
	const struct usage *const parts[] = {
		&all.blobs, &all.trees, &all.partial, &all.damaged,
		&all.incoming, &all.other,
	};
	int r = usage_blobs_and_trees(s, &all, e);

	usage_directory(s->blobs_fd, "..", &all.other);
	usage_directory(s->blobs_fd, ".", &all.other);
	usage_directory(s->trees_fd, ".", &all.other);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(walks); i++)
		r = usage_walk(walks[i].fd, ".", walks[i].u, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(others); i++) {
		struct usage u;

		r = usage_walk(others[i], ".", &u, e);
		if (r >= 0)
			usage_add(&all.other, &u);
	}
	if (r < 0)
		return error_prefix(e, r, "measure the store");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		usage_add(&all.total, parts[i]);
	*ret = all;
	return 0;
}

int usage_fs(struct store *s, struct usage_fs *ret, struct error *e)
{
	struct statvfs v;

	if (fstatvfs(s->incoming_fd, &v) < 0)
		return error_sys(e, "look at the file system of %s", s->dir);
	*ret = (struct usage_fs){
		.bytes = UINT64_MAX, .bytes_free = UINT64_MAX,
		.inodes = UINT64_MAX, .inodes_free = UINT64_MAX,
		.block = v.f_frsize,
	};
	if (v.f_blocks) {
		ret->bytes = (v.f_blocks - v.f_bfree + v.f_bavail) * v.f_frsize;
		ret->bytes_free = v.f_bavail * v.f_frsize;
	}
	if (v.f_files) {
		ret->inodes = v.f_files - v.f_ffree + v.f_favail;
		ret->inodes_free = v.f_favail;
	}
	return 0;
}

static uint64_t usage_latest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Its .ok is written last; without it, the tree is none but takes space. */
static int usage_slug_tree(struct store *s, struct usage_slug *u,
			   struct error *e)
{
	char path[SHA256_HEX_MAX + sizeof("/.ok")];
	struct stat st;

	snprintf(path, sizeof(path), "%s/.ok", u->sha256);
	u->has_tree = fstatat(s->trees_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!u->has_tree && errno != ENOENT)
		return error_sys(e, "look at %s/trees/%s", s->dir, path);
	u->unpacked_usec = u->has_tree ? usage_usec(&st.st_mtim) : 0;
	return usage_tree(s, u->sha256, &u->tree, e);
}

int usage_slug(struct store *s, const char *sha256, struct usage_slug *ret,
	       struct error *e)
{
	struct usage_slug u = { 0 };
	struct stat st = { 0 };
	int r = store_check_name(sha256, e);

	if (r < 0)
		return r;
	memcpy(u.sha256, sha256, sizeof(u.sha256));
	r = usage_blob(s, sha256, &st, &u.blob, e);
	u.has_blob = r == 0;
	u.size = (uint64_t)st.st_size;
	u.imported_usec = usage_usec(&st.st_mtim);
	if (r >= 0)
		r = usage_slug_tree(s, &u, e);
	if (r >= 0)
		r = lease_look(s, sha256, &u.lease, &u.leased_usec, e);
	if (r >= 0)
		r = pins_has(s, sha256, e);
	if (r < 0)
		return r;
	u.pinned = r == 0;
	u.used_usec = usage_latest(u.leased_usec, usage_latest(
				   u.imported_usec, u.unpacked_usec));
	*ret = u;
	return u.has_blob || u.tree.inodes ? 0 : STORE_ABSENT;
}
