/*
 * test-unpack.c - slug files, good and hostile, checked and unpacked.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "slugstore/unpack/limits.h"
#include "slugstore/store.h"
#include "slugstore/unpack/inflate.h"
#include "slugstore/unpack/unpack.h"
#include "tests/slugstore/maker.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>
#include <setjmp.h>
#include <cmocka.h>

struct fixture {
	char *dir;
	struct store *store;
	char sha256[SHA256_HEX_MAX];
	char *tree;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->dir = maker_new_dir();
	assert_int_equal(store_open(&f->store, f->dir, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_free(f->store);
	maker_remove_dir(f->dir);
	free(f->tree);
	free(f);
	return 0;
}

static int unpack(struct fixture *f, int fd, struct error *e)
{
	int r;

	maker_import(f->store, fd, f->sha256);
	fd_close(fd);
	free(f->tree);
	f->tree = xasprintf("%s/trees/%s/app", f->dir, f->sha256);
	r = store_unpack(f->store, f->sha256, e);
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
	assert_int_equal(store_has_tree(f->store, f->sha256, NULL),
			 r == 0 ? 0 : STORE_ABSENT);
	return r;
}

static struct stat stat_in(struct fixture *f, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", f->tree, name);
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static void assert_content(struct fixture *f, const char *name, const char *want)
{
	auto_free char *path = xasprintf("%s/%s", f->tree, name);
	auto_buf text = BUF_INIT;

	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text, NULL), 0);
	assert_string_equal(buf_str(&text), want);
}

/* Checking and unpacking must say the same, in the same words. */
static void assert_refused(struct fixture *f, int fd, const char *want)
{
	uint64_t entries, bytes;
	struct error e = { 0 };
	int r = store_check(fd, &entries, &bytes, &e);

	assert_true(r < 0);
	assert_string_equal(e.msg, want);
	e = (struct error){ 0 };
	assert_int_equal(unpack(f, fd, &e), r);
	assert_string_equal(e.msg, want);
	assert_int_equal(maker_count(f->dir, "trees"), 0);
}

static void modes_times_and_links_are_kept(void **state)
{
	struct fixture *f = *state;
	char target[64] = "";
	auto_free char *link = NULL;
	struct stat st;
	struct maker m;

	maker_begin(&m);
	maker_dir(&m, "./app/", 0750);
	maker_file(&m, "./app/Procfile", 0600, "web: x\n");
	maker_dir(&m, "./app/closed", 0555);
	maker_file(&m, "./app/closed/in", 0400, "hi");
	maker_symlink(&m, "./app/python", "/usr/bin/python3");
	maker_hardlink(&m, "./app/again", "./app/Procfile");
	maker_file(&m, "app/deep/er/file", 0755, "");
	maker_file(&m, "etc/passwd", 0644, "outside");
	maker_special(&m, "dev/null", S_IFCHR);
	assert_int_equal(unpack(f, maker_end(&m), NULL), 0);

	assert_int_equal(stat_in(f, ".").st_mode, S_IFDIR | 0750);
	assert_int_equal(stat_in(f, ".").st_mtime, MAKER_MTIME);
	st = stat_in(f, "Procfile");
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_mtime, MAKER_MTIME);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(st.st_ino, stat_in(f, "again").st_ino);
	assert_int_equal(stat_in(f, "closed").st_mode, S_IFDIR | 0555);
	assert_int_equal(stat_in(f, "closed").st_mtime, MAKER_MTIME);
	assert_int_equal(stat_in(f, "deep/er").st_mode, S_IFDIR | 0755);
	assert_int_equal(stat_in(f, "python").st_mtime, MAKER_MTIME);
	assert_content(f, "closed/in", "hi");
	link = xasprintf("%s/python", f->tree);
	assert_true(readlink(link, target, sizeof(target) - 1) > 0);
	assert_string_equal(target, "/usr/bin/python3");

	/* Nothing but app and .ok; and it can be removed again. */
	free(f->tree);
	f->tree = xasprintf("trees/%s", f->sha256);
	assert_int_equal(maker_count(f->dir, f->tree), 2);
	assert_int_equal(store_remove(f->store, f->sha256, NULL), 0);
	assert_int_equal(maker_count(f->dir, "trees"), 0);
}

static void every_compression_is_accepted(void **state)
{
	static const char *const filters[] = { "none", "gzip", "zstd", "xz",
						"bzip2", "lz4" };
	static const char *const formats[] = { "gnutar", "pax", "ustar" };
	struct fixture *f = *state;
	uint64_t entries, bytes;
	struct maker m;

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
		for (size_t j = 0; j < ARRAY_SIZE(formats); j++) {
			maker_begin_as(&m, filters[i], formats[j]);
			maker_file(&m, "./app/Procfile", 0644, "web: x\n");
			maker_file(&m, "./app/b", 0644, "b");
			maker_end(&m);
			assert_int_equal(store_check(m.fd, &entries, &bytes,
						     NULL), 0);
			assert_int_equal(entries, 2);
			assert_int_equal(bytes, 8);
			assert_int_equal(unpack(f, m.fd, NULL), 0);
			assert_content(f, "Procfile", "web: x\n");
		}
}

static void other_compressions_are_refused(void **state)
{
	static const char *const filters[] = { "compress", "lzma", "lzip",
						 "uuencode" };
	struct maker m;

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		maker_begin_as(&m, filters[i], "gnutar");
		maker_file(&m, "./app/Procfile", 0644, "web: x\n");
		assert_refused(*state, maker_end(&m), "slug: not a tar archive"
			       " (gzip, xz, zstd, bzip2, lz4 or not"
			       " compressed)");
	}
}

static void other_formats_are_refused(void **state)
{
	static const char *const formats[] = { "zip", "cpio", "7zip" };
	struct maker m;

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		maker_begin_as(&m, "none", formats[i]);
		maker_file(&m, "app/Procfile", 0644, "web: x\n");
		assert_refused(*state, maker_end(&m), "slug: not a tar archive"
			       " (gzip, xz, zstd, bzip2, lz4 or not"
			       " compressed)");
	}
}

static void hostile_entries_are_refused_by_name(void **state)
{
	static const struct {
		const char *path;
		mode_t mode;
		const char *symlink, *hardlink, *want;
	} cases[] = {
		{ "app/../../etc/passwd", S_IFREG | 0644, NULL, NULL,
		  "slug: entry \"app/../../etc/passwd\" leaves ./app" },
		{ "/etc/cron.d/x", S_IFREG | 0644, NULL, NULL,
		  "slug: entry \"/etc/cron.d/x\" has an absolute path" },
		{ "app/l", S_IFLNK, "../../../../etc", NULL,
		  "slug: entry \"app/l\" is a link to \"../../../../etc\","
		  " which leaves ./app" },
		{ "app/h", S_IFREG, NULL, "/etc/shadow",
		  "slug: entry \"app/h\" is a hard link to \"/etc/shadow\","
		  " which leaves ./app" },
		{ "app/h", S_IFREG, NULL, "app/out/../../../../etc/shadow",
		  "slug: entry \"app/h\" is a hard link to"
		  " \"app/out/../../../../etc/shadow\", which leaves ./app" },
		{ "app/h", S_IFREG, NULL, "app/out/passwd",
		  "slug: entry \"app/h\" is a hard link to \"app/out/passwd\","
		  " which is not there" },
		{ "app/out/cron.d/x", S_IFREG | 0644, NULL, NULL,
		  "slug: entry \"app/out/cron.d\" is below \"app/out\","
		  " which is not a directory" },
		{ "app/out/x", S_IFREG | 0644, NULL, NULL,
		  "slug: entry \"app/out/x\" is below \"app/out\","
		  " which is not a directory" },
		{ "app/out", S_IFDIR | 0755, NULL, NULL,
		  "slug: entry \"app/out\" is there twice, as a directory and"
		  " as another thing" },
		{ "app/sda", S_IFBLK | 0666, NULL, NULL,
		  "slug: entry \"app/sda\" is a device" },
		{ "app/fifo", S_IFIFO | 0666, NULL, NULL,
		  "slug: entry \"app/fifo\" is a fifo" },
		{ "app/su", S_IFREG | 04755, NULL, NULL,
		  "slug: entry \"app/su\" has a setuid bit" },
		{ "app/sg", S_IFREG | 02755, NULL, NULL,
		  "slug: entry \"app/sg\" has a setgid bit" },
		{ "app/evil\nname\033", S_IFREG | 04755, NULL, NULL,
		  "slug: entry \"app/evil?name?\" has a setuid bit" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct archive_entry *ae = archive_entry_new();
		struct maker m;

		maker_begin(&m);
		maker_file(&m, "app/Procfile", 0644, "web: x\n");
		maker_symlink(&m, "app/out", "/etc");
		archive_entry_set_pathname(ae, cases[i].path);
		archive_entry_set_mode(ae, cases[i].mode);
		archive_entry_set_size(ae, 0);
		if (cases[i].symlink)
			archive_entry_set_symlink(ae, cases[i].symlink);
		if (cases[i].hardlink)
			archive_entry_set_hardlink(ae, cases[i].hardlink);
		maker_entry(&m, ae);
		assert_refused(*state, maker_end(&m), cases[i].want);
	}
}

static void an_archive_without_app_is_refused(void **state)
{
	const char *want = "slug: the archive holds nothing below ./app";
	struct maker m;

	maker_begin(&m);
	maker_file(&m, "./Procfile", 0644, "web: x\n");
	assert_refused(*state, maker_end(&m), want);
	maker_begin(&m);
	maker_dir(&m, "./app/", 0755);
	assert_refused(*state, maker_end(&m), want);
	maker_begin(&m);
	assert_refused(*state, maker_end(&m), want);
}

static void an_empty_file_is_refused(void **state)
{
	uint64_t entries, bytes;
	struct error e;
	struct maker m;

	maker_begin(&m);
	maker_end(&m);
	assert_int_equal(ftruncate(m.fd, 0), 0);
	assert_int_equal(store_check(m.fd, &entries, &bytes, &e), -EINVAL);
	assert_string_equal(e.msg, "slug: the file is empty");
	fd_close(m.fd);
}

/* Cut everywhere: never accepted with a part of the files missing. */
static void a_cut_archive_is_refused_wherever_it_is_cut(void **state)
{
	static const char *const filters[] = { "none", "gzip", "zstd", "xz",
						"bzip2", "lz4" };
	uint64_t entries, bytes;
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		struct maker m;
		off_t size;

		maker_begin_as(&m, filters[i], "gnutar");
		maker_file(&m, "app/Procfile", 0644, "web: x\n");
		maker_noise(&m, "app/noise", 2000);
		maker_file(&m, "app/last", 0644, "last\n");
		maker_end(&m);
		size = lseek(m.fd, 0, SEEK_END);
		for (off_t cut = size - 1; cut > 0; cut -= 7) {
			int r;

			assert_int_equal(ftruncate(m.fd, cut), 0);
			r = store_check(m.fd, &entries, &bytes, &e);
			if (r == 0) {
				/* Only padding and check sums were lost. */
				assert_int_equal(entries, 3);
				assert_int_equal(bytes, 7 + 2000 + 5);
			} else {
				assert_non_null(str_after(e.msg, "slug: "));
				assert_null(strchr(e.msg, '\n'));
			}
			if (cut < 2048)
				assert_int_equal(r, -EINVAL);
		}
		fd_close(m.fd);
	}
}

static void a_blob_that_was_changed_never_becomes_a_tree(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = NULL;
	auto_close int fd = -1;
	struct error e;
	struct maker m;

	maker_begin_as(&m, "none", "gnutar");
	maker_file(&m, "app/Procfile", 0644, "web: x\n");
	maker_import(f->store, maker_end(&m), f->sha256);
	fd_close(m.fd);
	path = xasprintf("%s/blobs/%s", f->dir, f->sha256);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "W", 1, 512), 1);	/* in the content */

	assert_int_equal(store_unpack(f->store, f->sha256, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "is damaged, and has been set aside"));
	assert_non_null(strstr(e.msg, f->sha256));
	assert_int_equal(maker_count(f->dir, "trees"), 0);
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
	assert_int_equal(maker_count(f->dir, "blobs"), 0);
	assert_int_equal(maker_count(f->dir, "damaged"), 1);
}

static void later_entries_replace_earlier_ones(void **state)
{
	struct fixture *f = *state;
	struct maker m;

	maker_begin(&m);
	maker_file(&m, "app/a", 0644, "first, and longer");
	maker_hardlink(&m, "app/b", "app/a");
	maker_file(&m, "app/a", 0600, "second");
	maker_symlink(&m, "app/c", "/etc/passwd");
	maker_file(&m, "app/c", 0644, "not through the link");
	assert_int_equal(unpack(f, maker_end(&m), NULL), 0);
	assert_content(f, "a", "second");
	assert_content(f, "b", "first, and longer");
	assert_content(f, "c", "not through the link");
	assert_true(S_ISREG(stat_in(f, "c").st_mode));
}

static void names_of_any_language_survive_in_the_c_locale(void **state)
{
	static const char name[] = "app/gr\xc3\xb6\xc3\x9f" "e";
	struct fixture *f = *state;
	struct archive_entry *ae;
	struct maker m;

	/* The writer needs a UTF-8 locale, the reader must not. */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	maker_begin_as(&m, "gzip", "pax");
	ae = archive_entry_new();
	archive_entry_set_pathname_utf8(ae, name);
	archive_entry_set_mode(ae, S_IFREG | 0644);
	archive_entry_set_size(ae, 0);
	maker_entry(&m, ae);
	maker_end(&m);
	setlocale(LC_CTYPE, "C");
	assert_int_equal(unpack(f, m.fd, NULL), 0);
	stat_in(f, "gr\xc3\xb6\xc3\x9f" "e");
}

static void holes_stay_holes(void **state)
{
	struct fixture *f = *state;
	struct archive_entry *ae = archive_entry_new();
	static char data[4096];
	struct stat st;
	struct maker m;

	maker_begin_as(&m, "gzip", "pax");
	archive_entry_set_pathname(ae, "app/sparse");
	archive_entry_set_mode(ae, S_IFREG | 0644);
	archive_entry_set_size(ae, 16 << 20);
	archive_entry_sparse_add_entry(ae, 1 << 20, sizeof(data));
	maker_entry(&m, ae);
	memset(data, 'x', sizeof(data));
	{
		auto_free char *zero = xcalloc(1, 16 << 20);

		memcpy(zero + (1 << 20), data, sizeof(data));
		assert_int_equal(archive_write_data(m.archive, zero, 16 << 20),
				 16 << 20);
	}
	assert_int_equal(unpack(f, maker_end(&m), NULL), 0);
	st = stat_in(f, "sparse");
	assert_int_equal(st.st_size, 16 << 20);
	assert_true(st.st_blocks * 512 < 4 << 20);
}

static void a_compression_bomb_is_refused(void **state)
{
	static const char *const names[] = { "app/zeros", "ignored/zeros" };
	struct maker m;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *want = xasprintf(
			"slug: entry \"%s\": the archive grows more than"
			" 200-fold when unpacked", names[i]);

		maker_begin_as(&m, "zstd", "gnutar");
		maker_file(&m, "app/Procfile", 0644, "web: x\n");
		maker_zeros(&m, names[i], 80 << 20);
		assert_refused(*state, maker_end(&m), want);
	}
}

static void a_claimed_size_beyond_the_limit_is_refused(void **state)
{
	struct maker m;

	maker_begin_as(&m, "none", "gnutar");
	maker_file(&m, "app/huge", 0644, "");
	maker_end(&m);
	maker_lie(m.fd, (2ULL << 30) + 1);
	assert_refused(*state, m.fd, "slug: entry \"app/huge\" has more"
		       " than 2147483648 bytes");
}

static int check_with(const struct limits *l, int fd, struct error *e)
{
	const struct inflate_source src = { .fd = fd, .limits = l };
	struct unpack_result res;

	return unpack_run(&src, -1, NULL, &res, e);
}

static void the_whole_is_limited_too(void **state)
{
	struct limits l = limits_slug;
	struct error e;
	struct maker m;

	maker_begin_as(&m, "none", "gnutar");
	maker_file(&m, "app/a", 0644, "12345");
	maker_file(&m, "out", 0644, "12345");
	maker_file(&m, "app/b", 0644, "12345");
	maker_end(&m);
	l.entries = 4;			/* app, a, b; and out as one read */
	assert_int_equal(check_with(&l, m.fd, &e), 0);
	l.entries = 2;
	assert_int_equal(check_with(&l, m.fd, &e), -EFBIG);
	assert_string_equal(e.msg, "entry \"app/b\": more than 2 entries");
	l = limits_slug;
	l.total_bytes = 14;
	assert_int_equal(check_with(&l, m.fd, &e), -EFBIG);
	assert_string_equal(e.msg, "entry \"app/b\": more than 14 bytes"
			    " when unpacked");
	l = limits_slug;
	l.header_bytes = 500;
	assert_int_equal(check_with(&l, m.fd, &e), 0);
	l.seconds = 0;
	assert_int_equal(check_with(&l, m.fd, &e), -ETIME);
	assert_string_equal(e.msg, "it takes more than 0 s to unpack");
	fd_close(m.fd);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(modes_times_and_links_are_kept),
		T(every_compression_is_accepted),
		T(other_compressions_are_refused),
		T(other_formats_are_refused),
		T(hostile_entries_are_refused_by_name),
		T(an_archive_without_app_is_refused),
		T(an_empty_file_is_refused),
		T(a_cut_archive_is_refused_wherever_it_is_cut),
		T(a_blob_that_was_changed_never_becomes_a_tree),
		T(later_entries_replace_earlier_ones),
		T(names_of_any_language_survive_in_the_c_locale),
		T(holes_stay_holes),
		T(a_compression_bomb_is_refused),
		T(a_claimed_size_beyond_the_limit_is_refused),
		T(the_whole_is_limited_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
