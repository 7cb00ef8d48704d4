/*
 * image.c - the superblocks of erofs and squashfs, as far as we want to know.
 *
 * The conditions are tables: a field, and the least and the most it may be.
 */
#include "slugstore/unpack/image.h"
#include "base/error.h"
#include "slugstore/unpack/limits.h"

#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#define IMAGE_HEAD 2048			/* bytes that are read */
#define IMAGE_BLOCK 4096
#define IMAGE_NOTHING UINT64_MAX	/* squashfs: there is no such table */

#define EROFS_AT 1024			/* its superblock; zeros before */
#define EROFS_MAGIC 0xe0f5e1e2U
#define EROFS_SLOT 32			/* bytes; inodes are numbered by them */
#define EROFS_INCOMPAT_TAKEN 0x17U	/* lz4 0padding, big pclusters, chunks,
					 * tail packing */
#define EROFS_LZ4 1U			/* of the algorithms */

#define SQUASHFS_MAGIC 0x73717368U
#define SQUASHFS_BYTES 96
#define SQUASHFS_FLAGS_TAKEN 0xfffU

struct image {
	uint8_t head[IMAGE_HEAD];
	uint64_t size;
	const char *name;
};

/* ---- numbers ---- */

struct image_field {
	size_t at, width;
	const char *name;
};

static uint64_t image_number(const struct image *im, struct image_field f)
{
	uint64_t n = 0;

	for (size_t i = f.width; i-- > 0; )
		n = n << 8 | im->head[f.at + i];
	return n;
}

struct image_rule {
	struct image_field field;
	uint64_t min, max;
};

static int image_refuse(const struct image *im, const char *what, uint64_t n,
			struct error *e)
{
	return error_set(e, EINVAL, "the %s image is damaged or not of the kind"
			 " that we take: %s is %" PRIu64, im->name, what, n);
}

static int image_obey(const struct image *im, const struct image_rule *rules,
		      size_t n, struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = image_number(im, rules[i].field);

		if (v < rules[i].min || v > rules[i].max)
			return image_refuse(im, rules[i].field.name, v, e);
	}
	return 0;
}

/* ---- erofs ---- */

static int image_check_erofs(const struct image *im, int fd,
			     const struct limits *l, uint64_t *ret_inodes,
			     struct error *e)
{
	static const struct image_field
		incompat = { EROFS_AT + 80, 4, "feature_incompat" },
		algorithms = { EROFS_AT + 84, 2, "available_compr_algs" },
		root = { EROFS_AT + 14, 2, "root_nid" },
		inodes = { EROFS_AT + 16, 8, "inos" },
		meta = { EROFS_AT + 40, 4, "meta_blkaddr" };
	const uint64_t blocks = im->size / IMAGE_BLOCK;
	const struct image_rule rules[] = {
		{ { EROFS_AT + 12, 1, "blkszbits" }, 12, 12 },
		{ { EROFS_AT + 13, 1, "sb_extslots" }, 0, 0 },
		{ inodes, 1, l->entries },
		{ { EROFS_AT + 36, 4, "blocks" }, blocks, blocks },
		{ meta, 0, blocks - 1 },
		{ { EROFS_AT + 44, 4, "xattr_blkaddr" }, 0, 0 },
		{ { EROFS_AT + 86, 2, "extra_devices" }, 0, 0 },
		{ { EROFS_AT + 90, 1, "dirblkbits" }, 0, 0 },
		{ { EROFS_AT + 91, 1, "xattr_prefix_count" }, 0, 0 },
		{ { EROFS_AT + 96, 8, "packed_nid" }, 0, 0 },
	};
	uint64_t features = image_number(im, incompat), at;
	uint8_t inode[EROFS_SLOT];
	mode_t mode;
	ssize_t n;
	int r;

	if (im->size == 0 || im->size % IMAGE_BLOCK)
		return image_refuse(im, "its length", im->size, e);
	r = image_obey(im, rules, ARRAY_SIZE(rules), e);
	if (r < 0)
		return r;
	if (features & ~(uint64_t)EROFS_INCOMPAT_TAKEN)
		return image_refuse(im, incompat.name, features, e);
	if (features & 2 && image_number(im, algorithms) & ~(uint64_t)EROFS_LZ4)
		return image_refuse(im, algorithms.name,
				    image_number(im, algorithms), e);
	at = image_number(im, meta) * IMAGE_BLOCK +
	     image_number(im, root) * EROFS_SLOT;
	if (at > im->size - EROFS_SLOT)
		return image_refuse(im, root.name, image_number(im, root), e);
	n = pread(fd, inode, sizeof(inode), (off_t)at);
	if (n < 0)
		return error_sys(e, "read the slug");
	if (n != sizeof(inode))
		return image_refuse(im, root.name, image_number(im, root), e);
	mode = (mode_t)(inode[4] | inode[5] << 8);
	if (!S_ISDIR(mode))
		return image_refuse(im, "the root's mode", mode, e);
	*ret_inodes = image_number(im, inodes);
	return 0;
}

/* ---- squashfs ---- */

static int image_check_squashfs(const struct image *im, int fd,
				const struct limits *l, uint64_t *ret_inodes,
				struct error *e)
{
	static const struct image_field
		inodes = { 4, 4, "inodes" }, block = { 12, 4, "block_size" },
		log = { 22, 2, "block_log" }, root = { 32, 8, "root_inode" },
		used = { 40, 8, "bytes_used" }, dirs = { 72, 8, "directory_table" },
		inode_table = { 64, 8, "inode_table" },
		algorithm = { 20, 2, "compression" };
	const uint64_t end = image_number(im, used) - 1;
	const struct image_rule rules[] = {
		{ used, SQUASHFS_BYTES + 1, im->size },
		{ inodes, 1, l->entries },
		{ block, IMAGE_BLOCK, 1024 * 1024 },
		{ { 16, 4, "fragments" }, 0, image_number(im, inodes) },
		{ log, 12, 20 },
		{ algorithm, 1, 6 },
		{ { 24, 2, "flags" }, 0, SQUASHFS_FLAGS_TAKEN },
		{ { 26, 2, "no_ids" }, 1, UINT16_MAX },
		{ { 28, 2, "version_major" }, 4, 4 },
		{ { 30, 2, "version_minor" }, 0, 0 },
		{ { 48, 8, "id_table" }, SQUASHFS_BYTES, end },
		{ { 56, 8, "xattr_id_table" }, IMAGE_NOTHING, IMAGE_NOTHING },
		{ inode_table, SQUASHFS_BYTES, end },
		{ dirs, image_number(im, inode_table) + 1, end },
	};
	static const struct image_field optional[] = {
		{ 80, 8, "fragment_table" }, { 88, 8, "export_table" },
	};
	uint64_t n;
	int r = image_obey(im, rules, ARRAY_SIZE(rules), e);

	if (r < 0)
		return r;
	if (image_number(im, block) != 1U << image_number(im, log))
		return image_refuse(im, block.name, image_number(im, block), e);
	/* lzma, which no kernel reads, and lzo, which nobody needs. */
	n = image_number(im, algorithm);
	if (n == 2 || n == 3)
		return image_refuse(im, algorithm.name, n, e);
	if (im->size - image_number(im, used) >= IMAGE_BLOCK)
		return image_refuse(im, "its length", im->size, e);
	for (size_t i = 0; i < ARRAY_SIZE(optional); i++) {
		n = image_number(im, optional[i]);
		if (n != IMAGE_NOTHING && (n < SQUASHFS_BYTES || n > end))
			return image_refuse(im, optional[i].name, n, e);
	}
	/* Where the inode's block begins in the table, and where it is there. */
	n = image_number(im, root);
	if (n >> 16 >= image_number(im, dirs) - image_number(im, inode_table) ||
	    (n & 0xffff) >= 8192)
		return image_refuse(im, root.name, n, e);
	*ret_inodes = image_number(im, inodes);
	return 0;
}

/* ---- either ---- */

static const struct {
	const char *name;
	int (*check)(const struct image *im, int fd, const struct limits *l,
		     uint64_t *ret_inodes, struct error *e);
} image_kinds[] = {
	[IMAGE_NONE] = { "no", NULL },
	[IMAGE_EROFS] = { "erofs", image_check_erofs },
	[IMAGE_SQUASHFS] = { "squashfs", image_check_squashfs },
};

const char *image_kind_name(enum image_kind kind)
{
	return image_kinds[kind].name;
}

static int image_read(struct image *im, int fd, size_t *ret_n, struct error *e)
{
	ssize_t n;

	memset(im->head, 0, sizeof(im->head));
	do
		n = pread(fd, im->head, sizeof(im->head), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_sys(e, "read the slug");
	*ret_n = (size_t)n;
	return 0;
}

int image_probe(int fd, enum image_kind *ret, struct error *e)
{
	static const struct image_field
		erofs = { EROFS_AT, 4, NULL }, squashfs = { 0, 4, NULL };
	static const uint8_t zeros[EROFS_AT];
	struct image im;
	size_t n = 0;
	int r = image_read(&im, fd, &n, e);

	if (r < 0)
		return r;
	*ret = IMAGE_NONE;
	if (n >= SQUASHFS_BYTES && image_number(&im, squashfs) == SQUASHFS_MAGIC)
		*ret = IMAGE_SQUASHFS;
	/* Zeros: that is no tar. */
	if (n == IMAGE_HEAD && image_number(&im, erofs) == EROFS_MAGIC &&
	    memcmp(im.head, zeros, sizeof(zeros)) == 0)
		*ret = IMAGE_EROFS;
	return 0;
}

int image_check(int fd, enum image_kind kind, const struct limits *limits,
		uint64_t *ret_inodes, struct error *e)
{
	struct image im = { .name = image_kind_name(kind) };
	struct stat st;
	size_t n = 0;
	int r = image_read(&im, fd, &n, e);

	assert(kind != IMAGE_NONE);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "look at the slug");
	im.size = (uint64_t)st.st_size;
	return image_kinds[kind].check(&im, fd, limits, ret_inodes, e);
}
