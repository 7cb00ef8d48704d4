/*
 * test-image.c - superblocks: a good one of each kind, and each field of it
 * changed.
 */
#include "base/error.h"
#include "slugstore/unpack/image.h"
#include "slugstore/unpack/limits.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <cmocka.h>

#define SIZE 8192

struct field {
	size_t at, width;
	uint64_t value;
};

static void put(uint8_t *p, struct field f)
{
	for (size_t i = 0; i < f.width; i++)
		p[f.at + i] = (uint8_t)(f.value >> 8 * i);
}

static const struct field erofs[] = {
	{ 1024, 4, 0xe0f5e1e2 }, { 1032, 4, 3 }, { 1036, 1, 12 }, { 1038, 2, 36 },
	{ 1040, 8, 7 }, { 1060, 4, 2 }, { 1104, 4, 1 }, { 1108, 2, 0xffff },
	{ 36 * 32 + 4, 2, S_IFDIR | 0755 },
};

static const struct field squashfs[] = {
	{ 0, 4, 0x73717368 }, { 4, 4, 6 }, { 12, 4, 131072 }, { 16, 4, 1 },
	{ 20, 2, 6 }, { 22, 2, 17 }, { 24, 2, 0x2c0 }, { 26, 2, 1 },
	{ 28, 2, 4 }, { 32, 8, 164 }, { 40, 8, 8100 }, { 48, 8, 8000 },
	{ 56, 8, UINT64_MAX }, { 64, 8, 104 }, { 72, 8, 1000 },
	{ 80, 8, 7900 }, { 88, 8, UINT64_MAX },
};

static int make(const struct field *v, size_t n, size_t size,
		const struct field *change)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	uint8_t bytes[SIZE] = { 0 };

	assert_true(fd >= 0);
	for (size_t i = 0; i < n; i++)
		put(bytes, v[i]);
	if (change)
		put(bytes, *change);
	assert_int_equal(write(fd, bytes, size), size);
	return fd;
}

static int check(const struct field *v, size_t n, size_t size,
		 const struct field *change, struct error *e)
{
	auto_close int fd = make(v, n, size, change);
	enum image_kind kind, want = v == erofs ? IMAGE_EROFS : IMAGE_SQUASHFS;
	uint64_t inodes = 0;
	int r;

	assert_int_equal(image_probe(fd, &kind, NULL), 0);
	assert_int_equal(kind, want);
	r = image_check(fd, kind, &limits_slug, &inodes, e);
	if (r == 0)
		assert_in_range(inodes, 1, limits_slug.entries);
	return r;
}

static void good_ones_are_taken(void **state)
{
	static const struct field extra[] = {
		{ 1104, 4, 0x13 }, { 1108, 2, 1 },
	};
	struct field more[ARRAY_SIZE(erofs) + 2];

	assert_int_equal(check(erofs, ARRAY_SIZE(erofs), SIZE, NULL, NULL), 0);
	assert_int_equal(check(squashfs, ARRAY_SIZE(squashfs), SIZE, NULL, NULL),
			 0);
	/* big pclusters and tail packing, with lz4 */
	memcpy(more, erofs, sizeof(erofs));
	memcpy(more + ARRAY_SIZE(erofs), extra, sizeof(extra));
	{
		auto_close int fd = make(more, ARRAY_SIZE(more), SIZE, NULL);
		uint64_t n;

		assert_int_equal(image_check(fd, IMAGE_EROFS, &limits_slug, &n,
					     NULL), 0);
		assert_int_equal(n, 7);
	}
}

static void erofs_fields_have_bounds(void **state)
{
	static const struct { struct field f; const char *words; } cases[] = {
		{ { 1036, 1, 9 }, "blkszbits is 9" },
		{ { 1037, 1, 1 }, "sb_extslots is 1" },
		{ { 1038, 2, 0xffff }, "root_nid is 65535" },
		{ { 1038, 2, 37 }, "the root's mode is 0" },
		{ { 1040, 8, 0 }, "inos is 0" },
		{ { 1040, 8, 500001 }, "inos is 500001" },
		{ { 1060, 4, 3 }, "blocks is 3" },
		{ { 1064, 4, 2 }, "meta_blkaddr is 2" },
		{ { 1068, 4, 1 }, "xattr_blkaddr is 1" },
		{ { 1104, 4, 8 }, "feature_incompat is 8" },
		{ { 1104, 4, 0x21 }, "feature_incompat is 33" },
		{ { 1104, 4, 0x80000001 }, "feature_incompat is 2147483649" },
		{ { 1104, 4, 3 }, "available_compr_algs is 65535" },
		{ { 1110, 2, 1 }, "extra_devices is 1" },
		{ { 1114, 1, 1 }, "dirblkbits is 1" },
		{ { 1115, 1, 1 }, "xattr_prefix_count is 1" },
		{ { 1120, 8, 40 }, "packed_nid is 40" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error e = { 0 };

		assert_int_equal(check(erofs, ARRAY_SIZE(erofs), SIZE,
				       &cases[i].f, &e), -EINVAL);
		if (!strstr(e.msg, cases[i].words))
			fail_msg("%s, not %s", e.msg, cases[i].words);
	}
	assert_int_equal(check(erofs, ARRAY_SIZE(erofs), 4096, NULL, NULL),
			 -EINVAL);
	assert_int_equal(check(erofs, ARRAY_SIZE(erofs), SIZE - 1, NULL, NULL),
			 -EINVAL);
}

static void squashfs_fields_have_bounds(void **state)
{
	static const struct { struct field f; const char *words; } cases[] = {
		{ { 4, 4, 0 }, "inodes is 0" },
		{ { 4, 4, 500001 }, "inodes is 500001" },
		{ { 12, 4, 2048 }, "block_size is 2048" },
		{ { 12, 4, 131073 }, "block_size is 131073" },
		{ { 16, 4, 7 }, "fragments is 7" },
		{ { 20, 2, 3 }, "compression is 3" },
		{ { 20, 2, 7 }, "compression is 7" },
		{ { 22, 2, 21 }, "block_log is 21" },
		{ { 24, 2, 0x1000 }, "flags is 4096" },
		{ { 26, 2, 0 }, "no_ids is 0" },
		{ { 28, 2, 3 }, "version_major is 3" },
		{ { 30, 2, 1 }, "version_minor is 1" },
		{ { 32, 8, 896 << 16 }, "root_inode is" },
		{ { 32, 8, 8192 }, "root_inode is 8192" },
		{ { 40, 8, 8193 }, "bytes_used is 8193" },
		{ { 40, 8, 0 }, "bytes_used is 0" },
		{ { 40, 8, 96 }, "bytes_used is 96" },
		{ { 48, 8, 8100 }, "id_table is 8100" },
		{ { 56, 8, 200 }, "xattr_id_table is 200" },
		{ { 64, 8, 95 }, "inode_table is 95" },
		{ { 72, 8, 104 }, "directory_table is 104" },
		{ { 80, 8, 8100 }, "fragment_table is 8100" },
		{ { 88, 8, 8200 }, "export_table is 8200" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error e = { 0 };

		assert_int_equal(check(squashfs, ARRAY_SIZE(squashfs), SIZE,
				       &cases[i].f, &e), -EINVAL);
		if (!strstr(e.msg, cases[i].words))
			fail_msg("%s, not %s", e.msg, cases[i].words);
	}
	assert_int_equal(check(squashfs, ARRAY_SIZE(squashfs), 8099, NULL, NULL),
			 -EINVAL);
}

static void what_is_no_image_is_none(void **state)
{
	static const struct field elsewhere = { 1023, 1, 1 }, none = { 0, 4, 0 };
	enum image_kind kind;
	auto_close int tar = make(erofs, ARRAY_SIZE(erofs), SIZE, &elsewhere);
	auto_close int other = make(squashfs, ARRAY_SIZE(squashfs), SIZE, &none);
	auto_close int cut = make(squashfs, ARRAY_SIZE(squashfs), 95, NULL);

	assert_int_equal(image_probe(tar, &kind, NULL), 0);
	assert_int_equal(kind, IMAGE_NONE);
	assert_int_equal(image_probe(other, &kind, NULL), 0);
	assert_int_equal(kind, IMAGE_NONE);
	assert_int_equal(image_probe(cut, &kind, NULL), 0);
	assert_int_equal(kind, IMAGE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_are_taken),
		cmocka_unit_test(erofs_fields_have_bounds),
		cmocka_unit_test(squashfs_fields_have_bounds),
		cmocka_unit_test(what_is_no_image_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
