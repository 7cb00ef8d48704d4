/*
 * Slugs from directories: what is in them, and that it is always the same.
 */
#include "base/base.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "cli/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

struct tree {
	char dir[32];
};

static void write_file(struct tree *t, const char *name, const char *text,
		       mode_t mode, time_t mtime)
{
	auto_free char *path = xasprintf("%s/%s", t->dir, name);
	const struct timespec times[2] = {
		{ .tv_sec = mtime, .tv_nsec = 5 }, { .tv_sec = mtime, .tv_nsec = 5 },
	};

	assert_int_equal(file_write_fast(AT_FDCWD, path, text, strlen(text), mode,
					 NULL), 0);
	chmod(path, mode);
	utimensat(AT_FDCWD, path, times, 0);
}

static void make_dir(struct tree *t, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", t->dir, name);

	assert_int_equal(mkdir(path, 0755), 0);
}

static void settle(struct tree *t, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", t->dir, name);
	const struct timespec times[2] = { { .tv_sec = 900 }, { .tv_sec = 900 } };

	utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

static int setup(void **state)
{
	struct tree *t = xcalloc(1, sizeof(*t));

	snprintf(t->dir, sizeof(t->dir), "/tmp/dyno-pack-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	chmod(t->dir, 0755);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct tree *t = *state;

	file_remove_tree(AT_FDCWD, t->dir, NULL);
	free(t);
	return 0;
}

/* The same tree, made in one order or in the other. */
static void fill(struct tree *t, bool backwards)
{
	auto_free char *link = xasprintf("%s/link", t->dir);

	make_dir(t, ".git");
	make_dir(t, "lib");
	for (int i = 0; i < 20; i++) {
		auto_free char *name =
			xasprintf("lib/f%02d", backwards ? 19 - i : i);

		write_file(t, name, name, 0644, 1000);
	}
	write_file(t, ".git/config", "secret", 0600, 1000);
	write_file(t, "Procfile", "web: ./run\n", 0644, 2000);
	write_file(t, "run", "#!/bin/sh\n", 0755, 3000);
	assert_int_equal(symlink("lib/f01", link), 0);
	settle(t, "link");
	settle(t, "lib");
	settle(t, ".");
}

static int pack(struct tree *t, int64_t epoch_sec, struct buf *ret,
		struct pack_result *res, struct error *e)
{
	auto_close int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char chunk[4096];
	ssize_t n;
	int r;

	assert_true(fd >= 0);
	r = pack_directory(t->dir, fd, epoch_sec, res, e);
	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(ret, chunk, (size_t)n);
	return r;
}

static void list_slug(const struct buf *slug, struct strv *ret)
{
	struct archive *tar = archive_read_new();
	struct archive_entry *entry;

	archive_read_support_filter_gzip(tar);
	archive_read_support_format_tar(tar);
	assert_int_equal(archive_read_open_memory(tar, slug->data, slug->len),
			 ARCHIVE_OK);
	while (archive_read_next_header(tar, &entry) == ARCHIVE_OK) {
		assert_int_equal(archive_entry_uid(entry), 0);
		assert_int_equal(archive_entry_gid(entry), 0);
		assert_int_equal(archive_entry_mtime_nsec(entry), 0);
		strv_addf(ret, "%s %04o %lld", archive_entry_pathname(entry),
			  (unsigned)archive_entry_perm(entry),
			  (long long)archive_entry_mtime(entry));
	}
	archive_read_free(tar);
}

static void a_directory_becomes_a_sorted_tar_below_app(void **state)
{
	auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
	auto_buf slug = BUF_INIT;
	auto_strv list = STRV_INIT;

	fill(*state, false);
	assert_int_equal(pack(*state, -1, &slug, &res, NULL), 0);
	list_slug(&slug, &list);
	assert_int_equal(list.n, 1 + 1 + 1 + 20 + 1 + 1);
	assert_string_equal(list.v[0], "./app/ 0755 900");
	assert_string_equal(list.v[1], "./app/Procfile 0644 2000");
	assert_string_equal(list.v[2], "./app/lib/ 0755 900");
	assert_string_equal(list.v[3], "./app/lib/f00 0644 1000");
	assert_string_equal(list.v[22], "./app/lib/f19 0644 1000");
	assert_string_equal(list.v[23], "./app/link 0777 900");
	assert_string_equal(list.v[24], "./app/run 0755 3000");
	assert_int_equal(res.files, 23);
	assert_null(res.skipped);
}

static void equal_trees_give_equal_bytes(void **state)
{
	auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
	auto_buf one = BUF_INIT, two = BUF_INIT;
	void *other;

	fill(*state, false);
	assert_int_equal(pack(*state, -1, &one, &res, NULL), 0);
	sleep(1);		/* the time of the packing must be nowhere */
	setup(&other);
	fill(other, true);
	assert_int_equal(pack(other, -1, &two, &res, NULL), 0);
	teardown(&other);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.data, two.data, one.len);
}

static void no_time_is_later_than_the_epoch_that_is_asked_for(void **state)
{
	auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
	auto_buf slug = BUF_INIT;
	auto_strv list = STRV_INIT;

	fill(*state, false);
	assert_int_equal(pack(*state, 1500, &slug, &res, NULL), 0);
	list_slug(&slug, &list);
	assert_string_equal(list.v[1], "./app/Procfile 0644 1500");
	assert_string_equal(list.v[3], "./app/lib/f00 0644 1000");
}

static void fifos_are_left_out_and_told(void **state)
{
	auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
	struct tree *t = *state;
	auto_free char *fifo = xasprintf("%s/queue", t->dir);
	auto_buf slug = BUF_INIT;
	auto_strv list = STRV_INIT;

	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(pack(t, -1, &slug, &res, NULL), 0);
	list_slug(&slug, &list);
	assert_int_equal(list.n, 1);
	assert_string_equal(res.skipped, "./app/queue");
}

static void names_that_are_long_or_not_text_survive(void **state)
{
	auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
	auto_buf slug = BUF_INIT;
	auto_strv list = STRV_INIT;
	char name[201];

	memset(name, 'n', 200);
	name[200] = '\0';
	write_file(*state, "\xff\xfe", "x", 0644, 1);
	write_file(*state, name, "x", 0644, 1);
	assert_int_equal(pack(*state, -1, &slug, &res, NULL), 0);
	list_slug(&slug, &list);
	assert_int_equal(list.n, 3);
	assert_int_equal(strlen(list.v[1]), strlen("./app/") + 200 +
			 strlen(" 0644 1"));
	assert_non_null(strstr(list.v[2], "\xff\xfe"));
}

static void what_cannot_be_read_is_named(void **state)
{
	auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
	struct tree gone = { "/tmp/dyno-pack-absent" };
	auto_buf slug = BUF_INIT;
	struct error e;

	assert_int_equal(pack(&gone, -1, &slug, &res, &e), -ENOENT);
	assert_non_null(strstr(e.msg, gone.dir));
}

static int slug_fd(const struct buf *slug)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_int_equal(file_write_all(fd, slug->data, slug->len, NULL), 0);
	return fd;
}

static void the_procfile_is_read_out_of_a_slug(void **state)
{
	auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
	auto_buf slug = BUF_INIT, text = BUF_INIT;
	auto_close int fd = -1;

	fill(*state, false);
	assert_int_equal(pack(*state, -1, &slug, &res, NULL), 0);
	fd = slug_fd(&slug);
	assert_int_equal(pack_procfile(fd, &text, NULL), 0);
	assert_string_equal(buf_str(&text), "web: ./run\n");
}

static void slugs_without_procfile_and_damaged_ones_are_refused(void **state)
{
	auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
	auto_buf slug = BUF_INIT, text = BUF_INIT, junk = BUF_INIT;
	auto_close int fd = -1, cut_fd = -1, junk_fd = -1;
	struct error e;

	write_file(*state, "other", "x", 0644, 1);
	assert_int_equal(pack(*state, -1, &slug, &res, NULL), 0);
	fd = slug_fd(&slug);
	assert_int_equal(pack_procfile(fd, &text, &e), -ENOENT);
	slug.len /= 2;
	cut_fd = slug_fd(&slug);
	assert_int_equal(pack_procfile(cut_fd, &text, &e), -EINVAL);
	buf_adds(&junk, "this is no archive at all, however long it may be");
	junk_fd = slug_fd(&junk);
	assert_int_equal(pack_procfile(junk_fd, &text, &e), -EINVAL);
	assert_int_equal(text.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_directory_becomes_a_sorted_tar_below_app, setup, teardown),
		cmocka_unit_test_setup_teardown(
			equal_trees_give_equal_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(
			no_time_is_later_than_the_epoch_that_is_asked_for, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			fifos_are_left_out_and_told, setup, teardown),
		cmocka_unit_test_setup_teardown(
			names_that_are_long_or_not_text_survive, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_cannot_be_read_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_procfile_is_read_out_of_a_slug, setup, teardown),
		cmocka_unit_test_setup_teardown(
			slugs_without_procfile_and_damaged_ones_are_refused, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
