/*
 * space.c - look, collect if that helps, look again, reserve.
 */
#include "base/error.h"
#include "slugstore/space/marks.h"
#include "slugstore/space/space.h"
#include "slugstore/store_dir.h"
#include "slugstore/unpack/image.h"
#include "slugstore/unpack/limits.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#define SPACE_BLOCK 512
#define SPACE_TRIES 3
#define SPACE_TAR_HEADER 512	/* an entry has one at least */
#define SPACE_LINE 192		/* one of the manifest, mostly shorter */
#define SPACE_TREE_INODES 8	/* the tree itself, .ok, .usage, a lock... */

static int space_level(struct store *s, uint64_t bytes, uint64_t inodes,
		       struct marks_level *ret, struct error *e)
{
	struct marks_level at = { .bytes = bytes, .inodes = inodes };
	struct usage_store all = { 0 };
	int r = usage_fs(s, &at.fs, e);

	if (r >= 0 && marks_measure(&s->marks))
		r = usage_store(s, &all, e);
	at.used = all.total;
	*ret = at;
	return r;
}

static int space_refuse(struct store *s, const struct marks_level *at,
			struct error *e)
{
	bool is_bytes = at->bytes > at->fs.bytes_free;

	return error_set(e, ENOSPC, "no space in %s: needs %" PRIu64 " %s, has %"
			 PRIu64, s->dir, is_bytes ? at->bytes : at->inodes,
			 is_bytes ? "bytes" : "inodes",
			 is_bytes ? at->fs.bytes_free : at->fs.inodes_free);
}

/* Collect, and look what room there is or would be then. */
static int space_collect(struct store *s, struct marks_level *at, bool dry_run,
			 struct error *e)
{
	const struct collect_request req = {
		.dry_run = dry_run, .bytes = at->bytes, .inodes = at->inodes,
	};
	struct collect_result res;
	int r = store_collect(s, &req, &res, e);

	if (r >= 0) {
		at->fs.bytes_free = res.room_bytes;
		at->fs.inodes_free = res.room_inodes;
	}
	return r;
}

int space_make(struct store *s, uint64_t bytes, uint64_t inodes,
	       struct error *e)
{
	struct marks_goal goal;
	struct marks_level at;
	int r = space_level(s, bytes, inodes, &at, e);

	if (r < 0)
		return r;
	goal = marks_begin(&s->marks, &at);
	if (!marks_any(&goal))
		return 0;
	/* For a mark alone it is done as well as can be, and that is all. */
	if (!goal.room) {
		if (s->collects)
			space_collect(s, &at, false, NULL);
		return 0;
	}
	/* Would it help? Only then it is done. */
	if (s->collects)
		r = space_collect(s, &at, true, e);
	if (r >= 0 && s->collects && marks_fit(&at))
		r = space_collect(s, &at, false, e);
	return r < 0 || marks_fit(&at) ? r : space_refuse(s, &at, e);
}

/* How much more a file takes if it gets so large. */
static int space_missing(struct store *s, int fd, uint64_t size,
			 uint64_t *ret, struct error *e)
{
	struct usage_fs fs;
	struct stat st;
	uint64_t have, want;
	int r = usage_fs(s, &fs, e);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "look at a new file in %s", s->dir);
	have = (uint64_t)st.st_blocks * SPACE_BLOCK;
	want = (size + fs.block - 1) / fs.block * fs.block;
	*ret = want > have ? want - have : 0;
	return 0;
}

/* 0, or errno. */
static int space_allocate(int fd, uint64_t size)
{
	while (size && fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) < 0) {
		/* Where the file system cannot, the look was all. */
		if (errno == EOPNOTSUPP || errno == ENOSYS)
			return 0;
		if (errno != EINTR)
			return errno;
	}
	return 0;
}

int space_reserve(struct store *s, int fd, uint64_t size, struct error *e)
{
	uint64_t missing = 0;
	int r;

	/* Between look and reservation, another may have taken it. */
	for (int i = 0; i < SPACE_TRIES; i++) {
		r = space_missing(s, fd, size, &missing, e);
		if (r >= 0)
			r = space_make(s, missing, 0, e);
		if (r < 0)
			return r;
		errno = space_allocate(fd, size);
		if (errno == 0)
			return 0;
		if (errno != ENOSPC && errno != EDQUOT)
			break;
	}
	return space_explain(s, error_sys(e, "reserve space in %s", s->dir), e);
}

void space_trim(int fd)
{
	struct stat st;

	/* Cut at its end, a file gives back what is allocated behind. */
	if (fstat(fd, &st) == 0 && ftruncate(fd, st.st_size) < 0)
		errno = 0;
}

/* A blob of this size cannot become more than this. */
static void space_worst(uint64_t size, uint64_t block, uint64_t *ret_bytes,
			uint64_t *ret_inodes)
{
	const struct limits *l = &limits_slug;
	uint64_t plain = l->ratio_from, entries;

	if (size > plain / l->ratio)
		plain = size > l->total_bytes / l->ratio ? l->total_bytes
							 : size * l->ratio;
	entries = plain / SPACE_TAR_HEADER;
	if (entries > l->entries)
		entries = l->entries;
	entries += SPACE_TREE_INODES;
	*ret_bytes = plain + entries * (block + SPACE_LINE);
	*ret_inodes = entries;
}

int space_make_for_tree(struct store *s, int blob_fd, struct error *e)
{
	uint64_t bytes, entries;
	enum image_kind image;
	struct marks_level at;
	struct stat st;
	int r = space_level(s, 0, 0, &at, e);

	if (r >= 0)
		r = image_probe(blob_fd, &image, e);
	if (r < 0)
		return r;
	/* An image is not unpacked: its tree is one more name of the blob. */
	if (image != IMAGE_NONE)
		return space_make(s, SPACE_TREE_INODES * at.fs.block,
				  SPACE_TREE_INODES, e);
	if (fstat(blob_fd, &st) < 0)
		return error_sys(e, "look at a blob in %s", s->dir);
	space_worst((uint64_t)st.st_size, at.fs.block, &at.bytes, &at.inodes);
	if (marks_fit(&at))
		return space_make(s, 0, 0, e);
	r = store_check(blob_fd, &entries, &bytes, e);
	if (r < 0)
		return r;
	/* The last block of each file is full for nobody. */
	entries += SPACE_TREE_INODES;
	return space_make(s, bytes + entries * (at.fs.block + SPACE_LINE),
			  entries, e);
}

int space_explain(struct store *s, int r, struct error *e)
{
	struct usage_fs fs;

	if ((r != -ENOSPC && r != -EDQUOT) || usage_fs(s, &fs, NULL) < 0)
		return r;
	return error_set(e, ENOSPC, "no space in %s: needs more than there is,"
			 " has %" PRIu64 " bytes and %" PRIu64 " inodes left",
			 s->dir, fs.bytes_free, fs.inodes_free);
}
