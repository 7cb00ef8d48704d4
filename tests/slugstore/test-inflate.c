/*
 * test-inflate.c - gzip's frame, the threads of unpacking, and the table of paths.
 */
#include "base/error.h"
#include "slugstore/unpack/inflate.h"
#include "slugstore/unpack/limits.h"
#include "slugstore/unpack/ring.h"
#include "slugstore/unpack/siphash.h"
#include "slugstore/unpack/stream.h"
#include "slugstore/unpack/tree.h"
#include "slugstore/unpack/unpack.h"
#include "slugstore/unpack/worker.h"
#include "tests/slugstore/maker.h"

#include <fcntl.h>
#include <isa-l/crc.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <setjmp.h>
#include <cmocka.h>

#define FILE_BLOCK (256 * 1024)		/* what inflate.c reads at once */
#define HEAD 10

enum { HCRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16 };

struct member {
	int flags;
	size_t name_n;		/* of a name, with its end */
	const char *content;
	int wrong_hcrc, wrong_crc, wrong_length;
};

static void put(uint8_t **p, unsigned v, int n)
{
	for (; n > 0; n--, v >>= 8)
		*(*p)++ = (uint8_t)v;
}

/* One member with a stored block at the end of fd. */
static void add_member(int fd, const struct member *m)
{
	size_t n = strlen(m->content);
	auto_free uint8_t *all = xcalloc(1, m->name_n + n + 100);
	uint8_t *p = all;
	uint32_t crc = crc32_gzip_refl(0, (const uint8_t *)m->content, n);

	memcpy(p, "\x1f\x8b\x08\0\0\0\0\0\0\x03", HEAD);
	p[3] = (uint8_t)m->flags;
	p += HEAD;
	if (m->flags & EXTRA) {
		put(&p, 3, 2);
		put(&p, 0x3f2f1f, 3);
	}
	if (m->flags & NAME) {
		memset(p, 'n', m->name_n - 1);
		p += m->name_n;
	}
	if (m->flags & COMMENT)
		put(&p, 'c', 2);
	if (m->flags & HCRC)
		put(&p, crc32_gzip_refl(0, all, (uint64_t)(p - all)) +
		    (unsigned)m->wrong_hcrc, 2);
	put(&p, 1, 1);
	put(&p, (unsigned)n, 2);
	put(&p, ~(unsigned)n, 2);
	memcpy(p, m->content, n);
	p += n;
	put(&p, crc + (unsigned)m->wrong_crc, 4);
	put(&p, (unsigned)n + (unsigned)m->wrong_length, 4);
	assert_int_equal(write(fd, all, (size_t)(p - all)), p - all);
}

static int decode(int fd, char *ret, size_t room, struct error *e)
{
	const struct inflate_source src = { .fd = fd, .limits = &limits_slug };
	auto_(stream_free_p) struct stream *s = NULL;
	const void *p;
	size_t n, len = 0;
	int r = stream_open(&s, &src, e);

	while (r == 0 && (r = stream_read(s, &p, &n, e)) == 0) {
		assert_true(len + n < room);
		memcpy(ret + len, p, n);
		len += n;
	}
	ret[len] = '\0';
	return r;
}

static void all_parts_of_a_gzip_header_are_read_past(void **state)
{
	char text[64];

	for (int flags = 0; flags < 32; flags += 2) {
		const struct member m = {
			.flags = flags, .name_n = 5, .content = "hello, ",
		};
		auto_close int fd = memfd_create("gz", MFD_CLOEXEC);

		add_member(fd, &m);
		add_member(fd, &m);
		assert_int_equal(decode(fd, text, sizeof(text), NULL), STREAM_END);
		assert_string_equal(text, "hello, hello, ");
	}
}

/* The second member's frame lies at the boundary of two reads, in each way. */
static void a_gzip_frame_may_be_cut_anywhere(void **state)
{
	char text[64];

	for (size_t k = 0; k < 60; k++) {
		struct member m = {
			.flags = NAME | HCRC, .name_n = FILE_BLOCK - k,
			.content = "first, ",
		};
		auto_close int fd = memfd_create("gz", MFD_CLOEXEC);

		add_member(fd, &m);
		m.flags = EXTRA | COMMENT | HCRC;
		m.content = "second";
		add_member(fd, &m);
		assert_int_equal(decode(fd, text, sizeof(text), NULL), STREAM_END);
		assert_string_equal(text, "first, second");
	}
}

static void wrong_sums_of_any_gzip_member_are_told_apart(void **state)
{
	static const struct { struct member m; const char *want; } cases[] = {
		{ { .content = "x", .wrong_crc = 1 }, "incorrect data check" },
		{ { .content = "x", .wrong_length = 1 }, "incorrect length check" },
		{ { .content = "x", .flags = HCRC, .wrong_hcrc = 1 },
		  "header crc mismatch" },
		{ { .content = "x", .flags = 0x20 }, "unknown header flags set" },
	};
	const struct member good = { .content = "good" };
	struct error e;
	char text[64];

	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		auto_close int fd = memfd_create("gz", MFD_CLOEXEC);

		if (i % 2)
			add_member(fd, &good);
		add_member(fd, &cases[i / 2].m);
		assert_int_equal(decode(fd, text, sizeof(text), &e), -EINVAL);
		assert_non_null(strstr(e.msg, cases[i / 2].want));
	}
}

static void a_hash_is_that_of_the_paper(void **state)
{
	static const uint8_t want[2][16] = {
		{ 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
		  0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93 },
		{ 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44,
		  0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45 },
	};
	const struct siphash key = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };

	for (size_t n = 0; n < 2; n++) {
		struct siphash h = siphash(&key, "", n);

		assert_memory_equal(&h, want[n], sizeof(h));
	}
}

static size_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long total, resident;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &total, &resident), 2);
	fclose(f);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* The worst that limits allow: every name as long as it may be. */
static void half_a_million_long_names_need_20_mib(void **state)
{
	auto_free struct entry_verdict *en = xcalloc(1, sizeof(*en));
	struct tree_directory d;
	struct tree t;
	size_t before = resident_bytes(), after;
	int n = (int)limits_slug.entries - 1;

	tree_init(&t, &limits_slug);
	en->type = ENTRY_DIRECTORY;
	en->mode = 0750;
	for (int i = 0; i < n; i++) {
		snprintf(en->path, sizeof(en->path), "app/%0255d", i);
		en->mtime.tv_sec = i;
		assert_int_equal(tree_add(&t, en, NULL), 0);
	}
	after = resident_bytes();
	print_message("%d directories: %zu KiB\n", n, (after - before) / 1024);
	assert_true(after - before < 20 << 20);
	for (int i = 0; i < n; i += 1000) {
		snprintf(en->path, sizeof(en->path), "app/%0255d", i);
		assert_true(tree_directory(&t, en->path, &d));
		assert_int_equal(d.mtime.tv_sec, i);
		assert_int_equal(d.mode, 0750);
	}
	assert_false(tree_directory(&t, "app/x", &d));
	tree_deinit(&t);
}

/* ---- the ring ---- */

#define RING_BLOCKS 4
#define RING_MANY 1000

static void *put_numbers(void *userdata)
{
	struct ring *r = userdata;
	const struct error e = { .code = EPIPE, .msg = "enough" };
	void *p;

	for (int i = 0; i < RING_MANY && ring_space(r, &p) == 0; i++) {
		memcpy(p, &i, sizeof(i));
		ring_put(r, sizeof(i));
	}
	ring_end(r, &e);
	return NULL;
}

static void a_ring_gives_all_before_the_error(void **state)
{
	auto_(ring_free_p) struct ring *r = ring_new(RING_BLOCKS, 64);
	struct worker w = { 0 };
	struct error e;
	const void *p;
	size_t n;
	int i = 0, got;

	assert_int_equal(worker_start(&w, put_numbers, r, NULL), 0);
	while ((got = ring_next(r, &p, &n, &e)) == 0) {
		assert_int_equal(n, sizeof(i));
		assert_memory_equal(p, &i, sizeof(i));
		i++;
	}
	worker_join(&w);
	assert_int_equal(i, RING_MANY);
	assert_int_equal(got, -EPIPE);
	assert_string_equal(e.msg, "enough");
}

static void a_writer_does_not_wait_for_a_reader_who_left(void **state)
{
	auto_(ring_free_p) struct ring *r = ring_new(RING_BLOCKS, 64);
	struct worker w = { 0 };
	const void *p;
	size_t n;

	assert_int_equal(worker_start(&w, put_numbers, r, NULL), 0);
	assert_int_equal(ring_next(r, &p, &n, NULL), 0);
	ring_close(r);
	worker_join(&w);
}

/* What cannot be made is found by another thread than the one that reads. */
static void an_error_of_the_writer_ends_all_of_it(void **state)
{
	const char *const names[] = { "app/small", "app/large" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *dir = maker_new_dir();
		auto_free char *app = xasprintf("%s/app", dir);
		auto_close int tree_fd = open(dir, O_RDONLY | O_CLOEXEC);
		struct inflate_source src = { .limits = &limits_slug };
		struct unpack_result res;
		struct error e;
		struct maker m;

		assert_int_equal(mkdir(app, 0700), 0);
		maker_begin(&m);
		maker_dir(&m, "app", 0755);
		maker_noise(&m, names[i], i ? 12 << 20 : 1);
		src.fd = maker_end(&m);
		assert_int_equal(unpack_run(&src, tree_fd, NULL, &res, &e),
				 -EEXIST);
		assert_string_equal(e.msg, "create directory app: File exists");
		fd_close(src.fd);
		maker_remove_dir(dir);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_parts_of_a_gzip_header_are_read_past),
		cmocka_unit_test(a_gzip_frame_may_be_cut_anywhere),
		cmocka_unit_test(wrong_sums_of_any_gzip_member_are_told_apart),
		cmocka_unit_test(a_hash_is_that_of_the_paper),
		cmocka_unit_test(half_a_million_long_names_need_20_mib),
		cmocka_unit_test(a_ring_gives_all_before_the_error),
		cmocka_unit_test(a_writer_does_not_wait_for_a_reader_who_left),
		cmocka_unit_test(an_error_of_the_writer_ends_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
