/*
 * Slugs from directories: what is in them, and that it is always the same.
 */
#include "base/base.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "slugstore/pack/pack.h"

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

static int pack_as(struct tree *t, struct pack_spec spec, struct buf *ret,
		   struct pack_result *res, struct error *e)
{
	auto_close int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char chunk[4096];
	ssize_t n;
	int r;

	assert_true(fd >= 0);
	spec.dir = t->dir;
	spec.out_fd = fd;
	r = pack_directory(&spec, res, e);
	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(ret, chunk, (size_t)n);
	return r;
}

/* With the times of the files, none later than epoch_sec. */
static int pack(struct tree *t, int64_t epoch_sec, struct buf *ret,
		struct pack_result *res, struct error *e)
{
	const struct pack_spec spec = {
		.level = -1, .keep_times = true, .epoch_sec = epoch_sec,
	};

	return pack_as(t, spec, ret, res, e);
}

static void list_slug(const struct buf *slug, struct strv *ret)
{
	struct archive *tar = archive_read_new();
	struct archive_entry *entry;

	archive_read_support_filter_all(tar);
	archive_read_support_format_tar(tar);
	assert_int_equal(archive_read_open_memory(tar, slug->data, slug->len),
			 ARCHIVE_OK);
	while (archive_read_next_header(tar, &entry) == ARCHIVE_OK) {
		assert_int_equal(archive_entry_uid(entry), 0);
		assert_int_equal(archive_entry_gid(entry), 0);
		assert_int_equal(archive_entry_mtime_nsec(entry), 0);
		assert_string_equal(archive_entry_uname(entry), "");
		assert_string_equal(archive_entry_gname(entry), "");
		strv_addf(ret, "%s %04o %lld", archive_entry_pathname(entry),
			  (unsigned)archive_entry_perm(entry),
			  (long long)archive_entry_mtime(entry));
		if (archive_entry_hardlink(entry))
			strv_addf(ret, "= %s", archive_entry_hardlink(entry));
		if (archive_entry_symlink(entry))
			strv_addf(ret, "-> %s", archive_entry_symlink(entry));
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
	assert_int_equal(list.n, 1 + 1 + 1 + 20 + 2 + 1);
	assert_string_equal(list.v[0], "./app/ 0755 900");
	assert_string_equal(list.v[1], "./app/Procfile 0644 2000");
	assert_string_equal(list.v[2], "./app/lib/ 0755 900");
	assert_string_equal(list.v[3], "./app/lib/f00 0644 1000");
	assert_string_equal(list.v[22], "./app/lib/f19 0644 1000");
	assert_string_equal(list.v[23], "./app/link 0777 900");
	assert_string_equal(list.v[24], "-> lib/f01");
	assert_string_equal(list.v[25], "./app/run 0755 3000");
	assert_int_equal(res.files, 23);
	assert_int_equal(res.entries, 25);
	assert_int_equal(res.dropped, 1);
	assert_int_equal(res.n_skipped, 0);
}

static void equal_trees_give_equal_bytes(void **state)
{
	void *other;

	fill(*state, false);
	setup(&other);
	fill(other, true);
	for (int i = 0; i < TARBALL_FILTER_COUNT; i++) {
		auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
		const struct pack_spec spec = {
			.level = -1, .filter = (enum tarball_filter)i,
			.epoch_sec = PACK_EPOCH_SEC,
		};
		auto_buf one = BUF_INIT, two = BUF_INIT;

		settle(other, "run");	/* times are not in it */
		assert_int_equal(pack_as(*state, spec, &one, &res, NULL), 0);
		usleep(i == 0 ? 1100000 : 0);	/* nor is that of the packing */
		assert_int_equal(pack_as(other, spec, &two, &res, NULL), 0);
		assert_int_equal(one.len, two.len);
		assert_memory_equal(one.data, two.data, one.len);
	}
	teardown(&other);
}

static void a_mode_keeps_what_no_umask_decides(void **state)
{
	auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
	auto_buf slug = BUF_INIT;
	auto_strv list = STRV_INIT;

	write_file(*state, "a", "x", 0664, 1);
	write_file(*state, "b", "x", 0600, 1);
	write_file(*state, "c", "x", 06775, 1);
	assert_int_equal(pack(*state, 0, &slug, &res, NULL), 0);
	list_slug(&slug, &list);
	assert_string_equal(list.v[1], "./app/a 0644 0");
	assert_string_equal(list.v[2], "./app/b 0600 0");
	assert_string_equal(list.v[3], "./app/c 0755 0");
}

static void hard_links_stay_links_to_the_first(void **state)
{
	auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
	struct tree *t = *state;
	auto_free char *from = xasprintf("%s/b", t->dir);
	auto_free char *to = xasprintf("%s/a", t->dir);
	auto_buf slug = BUF_INIT;
	auto_strv list = STRV_INIT;

	write_file(t, "b", "once", 0644, 1);
	assert_int_equal(link(from, to), 0);
	assert_int_equal(pack(t, 5, &slug, &res, NULL), 0);
	list_slug(&slug, &list);
	assert_int_equal(list.n, 4);
	assert_string_equal(list.v[1], "./app/a 0644 1");
	assert_string_equal(list.v[2], "./app/b 0644 1");
	assert_string_equal(list.v[3], "= ./app/a");
	assert_int_equal(res.bytes, 4);
}

static void slugignore_and_the_drop_list_prune(void **state)
{
	auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
	auto_buf slug = BUF_INIT;
	auto_strv list = STRV_INIT;

	make_dir(*state, "docs");
	make_dir(*state, "log");
	make_dir(*state, "src");
	make_dir(*state, "src/log");
	write_file(*state, ".slugignore", "*.psd # big\n\ndocs/\n", 0644, 1);
	write_file(*state, "docs/a", "x", 0644, 1);
	write_file(*state, "log/a", "x", 0644, 1);
	write_file(*state, "src/.DS_Store", "x", 0644, 1);
	write_file(*state, "src/log/a", "x", 0644, 1);
	write_file(*state, "src/x.psd", "x", 0644, 1);
	write_file(*state, "x.psd", "x", 0644, 1);
	assert_int_equal(pack(*state, 7, &slug, &res, NULL), 0);
	list_slug(&slug, &list);
	assert_int_equal(list.n, 6);
	assert_string_equal(list.v[1], "./app/.slugignore 0644 1");
	assert_string_equal(list.v[2], "./app/log/ 0755 7");
	assert_string_equal(list.v[3], "./app/src/ 0755 7");
	assert_string_equal(list.v[4], "./app/src/log/ 0755 7");
	assert_string_equal(list.v[5], "./app/src/log/a 0644 1");
	assert_int_equal(res.ignored, 3);
	assert_int_equal(res.dropped, 2);
}

static void the_output_is_not_packed(void **state)
{
	auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
	struct tree *t = *state;
	auto_free char *path = xasprintf("%s/slug.tgz", t->dir);
	struct stat own;
	const struct pack_spec spec = {
		.level = -1, .except = &own, .n_except = 1,
	};
	auto_buf slug = BUF_INIT;
	auto_strv list = STRV_INIT;

	write_file(t, "slug.tgz", "of the last time", 0644, 1);
	assert_int_equal(stat(path, &own), 0);
	assert_int_equal(pack_as(t, spec, &slug, &res, NULL), 0);
	list_slug(&slug, &list);
	assert_int_equal(list.n, 1);
}

struct disturb {
	struct tree *tree;
	const char *name;
};

static void on_progress_disturb(uint64_t done, uint64_t total, void *userdata)
{
	struct disturb *d = userdata;
	auto_free char *path = xasprintf("%s/%s", d->tree->dir, d->name);
	auto_close int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
				 0644);

	assert_int_equal(write(fd, "more", 4), 4);
}

static void what_changes_meanwhile_is_an_error(void **state)
{
	static const char *const names[][2] = {
		{ "b", "./app/b changed while it was read" },
		{ "new", "./app changed while it was read" },
	};

	write_file(*state, "b", "x", 0644, 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
		struct disturb d = { *state, names[i][0] };
		const struct pack_spec spec = {
			.level = -1, .on_progress = on_progress_disturb,
			.userdata = &d,
		};
		auto_buf slug = BUF_INIT;
		struct error e;

		assert_int_equal(pack_as(*state, spec, &slug, &res, &e), -EBUSY);
		assert_string_equal(e.msg, names[i][1]);
	}
}

static void what_would_not_be_accepted_is_refused(void **state)
{
	auto_(pack_result_deinit) struct pack_result res = PACK_RESULT_INIT;
	struct tree *t = *state;
	auto_free char *link = xasprintf("%s/out", t->dir);
	auto_free char *deep = xstrdup(t->dir);
	auto_buf slug = BUF_INIT;
	struct error e;

	assert_int_equal(symlink("../etc", link), 0);
	assert_int_equal(pack(t, -1, &slug, &res, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "./app/out"));
	unlink(link);
	for (int i = 0; i < 64; i++) {
		char *next = xasprintf("%s/d", deep);

		free(deep);
		deep = next;
		assert_int_equal(mkdir(deep, 0755), 0);
	}
	assert_true(pack(t, -1, &slug, &res, &e) < 0);
	assert_non_null(strstr(e.msg, "./app/d/d/d"));
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
	assert_int_equal(res.n_skipped, 1);
	assert_string_equal(res.skipped.v[0], "./app/queue");
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
			a_mode_keeps_what_no_umask_decides, setup, teardown),
		cmocka_unit_test_setup_teardown(
			hard_links_stay_links_to_the_first, setup, teardown),
		cmocka_unit_test_setup_teardown(
			slugignore_and_the_drop_list_prune, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_output_is_not_packed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_changes_meanwhile_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_would_not_be_accepted_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
