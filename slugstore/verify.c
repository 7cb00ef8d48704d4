/*
 * verify.c - blob by its name, tree by its manifest.
 */
#include "slugstore/digest.h"
#include "slugstore/lease.h"
#include "slugstore/manifest/manifest_check.h"
#include "slugstore/space/damaged.h"
#include "slugstore/store_dir.h"
#include "slugstore/verify.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define VERIFY_BLOCK (256 * 1024)

const char *verify_state_name(enum verify_state state)
{
	static const char *const names[VERIFY_STATES] = {
		[VERIFY_ABSENT] = "absent", [VERIFY_SOUND] = "sound",
		[VERIFY_UNKNOWN] = "unknown", [VERIFY_CHANGING] = "changing",
		[VERIFY_DAMAGED] = "damaged",
	};

	return names[state];
}

static void verify_damaged(struct verify_part *p, const char *fault)
{
	p->state = VERIFY_DAMAGED;
	snprintf(p->fault, sizeof(p->fault), "%s", fault);
}

/* Is this what the name says? What the disk no longer gives is not. */
static int verify_bytes(struct store *s, int fd, const char *sha256,
			struct verify_part *ret, struct error *e)
{
	auto_(digest_free_p) struct digest *d = NULL;
	auto_free char *block = xmalloc(VERIFY_BLOCK);
	char found[SHA256_HEX_MAX], fault[ERROR_MSG_MAX];
	uint64_t done = 0;
	struct stat st;
	ssize_t n;
	int r = digest_new(&d, e);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "look at it");
	while ((n = pread(fd, block, VERIFY_BLOCK, (off_t)done)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EIO && errno != EUCLEAN && errno != EBADMSG)
			return error_sys(e, "read it");
		if (n < 0) {
			verify_damaged(ret, "it cannot be read from the disk");
			return 0;
		}
		digest_add(d, block, (size_t)n);
		done += (uint64_t)n;
		if (s->on_progress)
			s->on_progress(done, (uint64_t)st.st_size, s->userdata);
	}
	ret->state = VERIFY_SOUND;
	if (str_eq(digest_hex(d, found), sha256))
		return 0;
	snprintf(fault, sizeof(fault), "expected %s, got %s", sha256, found);
	verify_damaged(ret, fault);
	return 0;
}

static int verify_blob(struct store *s, const char *sha256,
		       struct verify_part *ret, struct error *e)
{
	auto_close int fd = -1;
	int r = store_open_blob(s, sha256, &fd, NULL, e);

	if (r != 0)
		return r < 0 ? r : 0;
	r = verify_bytes(s, fd, sha256, ret, e);
	if (r >= 0 && ret->state == VERIFY_DAMAGED)
		r = damaged_blob(s, sha256, fd, ret->fault, e);
	return r;
}

/* An image is its blob, maybe with another name. */
static int verify_image(struct store *s, const char *sha256, int tree_fd,
			struct verify_part *ret, struct error *e)
{
	auto_close int fd = openat(tree_fd, "image", O_RDONLY | O_CLOEXEC |
				   O_NOFOLLOW);
	struct stat st;

	if (fd < 0 && errno != ENOENT)
		return error_sys(e, "open image");
	if (fd >= 0)
		return verify_bytes(s, fd, sha256, ret, e);
	if (fstatat(tree_fd, "app", &st, AT_SYMLINK_NOFOLLOW) < 0)
		verify_damaged(ret, "it has neither app nor image");
	return 0;
}

static int verify_content(struct store *s, const char *sha256, int tree_fd,
			  int ok_fd, struct verify_part *ret, struct error *e)
{
	const struct manifest_check in = {
		.tree_fd = tree_fd, .manifest_fd = ok_fd,
		.on_progress = s->on_progress, .userdata = s->userdata,
	};
	struct error difference;
	int r = manifest_check(&in, &difference, e);

	if (r < 0)
		return r;
	ret->state = r == MANIFEST_EMPTY ? VERIFY_UNKNOWN : VERIFY_SOUND;
	if (r == MANIFEST_DIFFERS)
		verify_damaged(ret, difference.msg);
	return ret->state == VERIFY_SOUND
		? verify_image(s, sha256, tree_fd, ret, e) : 0;
}

/* The tree cannot go meanwhile: it is leased. */
static int verify_leased(struct store *s, const char *sha256,
			 struct verify_part *ret, struct error *e)
{
	auto_close int tree_fd = -1, ok_fd = -1;

	tree_fd = openat(s->trees_fd, sha256, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
			 O_NOFOLLOW);
	if (tree_fd >= 0)
		ok_fd = openat(tree_fd, ".ok", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (ok_fd < 0)
		return errno == ENOENT ? 0 : error_sys(e, "open .ok");
	return verify_content(s, sha256, tree_fd, ok_fd, ret, e);
}

static int verify_tree(struct store *s, const char *sha256,
		       struct verify_part *ret, struct error *e)
{
	auto_close int lock_fd = -1;
	struct stat st;
	int r;

	if (fstatat(s->trees_fd, sha256, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(e, "look at it");
	r = lease_try(s, sha256, false, &lock_fd, e);
	if (r == LEASE_BUSY)
		ret->state = VERIFY_CHANGING;
	if (r != 0)
		return r < 0 ? r : 0;
	r = verify_leased(s, sha256, ret, e);
	lock_fd = fd_close(lock_fd);
	if (r < 0 || ret->state != VERIFY_DAMAGED)
		return r;
	r = damaged_tree(s, sha256, ret->fault, e);
	ret->is_leased = r == DAMAGED_LEASED;
	return r < 0 ? r : 0;
}

int verify_slug(struct store *s, const char *sha256, unsigned what,
		struct verify *ret, struct error *e)
{
	struct verify v = { .blob.state = VERIFY_ABSENT };
	int r = store_check_name(sha256, e);

	if (r < 0)
		return r;
	if (what & VERIFY_BLOB)
		r = error_prefix(e, verify_blob(s, sha256, &v.blob, e),
				 "verify the blob %.12s", sha256);
	if (r >= 0 && (what & VERIFY_TREE))
		r = error_prefix(e, verify_tree(s, sha256, &v.tree, e),
				 "verify the tree %.12s", sha256);
	if (r >= 0)
		*ret = v;
	return r;
}

/* ---- store.h ---- */

int store_verify(struct store *s, const char *sha256, struct error *e)
{
	struct verify v;
	int r = verify_slug(s, sha256, VERIFY_BLOB | VERIFY_TREE, &v, e);

	if (r < 0)
		return r;
	if (v.blob.state == VERIFY_DAMAGED)
		return error_set(e, EBADMSG, "slug: the blob is damaged: %s",
				 v.blob.fault);
	if (v.tree.state == VERIFY_DAMAGED)
		return error_set(e, EBADMSG, "slug: the tree of %s is damaged:"
				 " %s", sha256, v.tree.fault);
	return v.blob.state == VERIFY_ABSENT && v.tree.state == VERIFY_ABSENT
		? STORE_ABSENT : 0;
}
