/*
 * Slugs as files: the Procfile inside. (That one is made of a directory:
 * test-verbs.)
 */
#include "base/base.h"

#include "base/buf.h"
#include "base/error.h"
#include "cli/client/slug_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <setjmp.h>
#include <cmocka.h>

/* A slug of one file, in an unnamed file. */
static int slug(const char *name, const char *text, int (*filter)(struct archive *))
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct archive *tar = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	assert_true(fd >= 0);
	archive_write_set_format_pax_restricted(tar);
	filter(tar);
	assert_int_equal(archive_write_open_fd(tar, fd), ARCHIVE_OK);
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)strlen(text));
	assert_int_equal(archive_write_header(tar, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(tar, text, strlen(text)),
			 strlen(text));
	archive_entry_free(entry);
	assert_int_equal(archive_write_free(tar), ARCHIVE_OK);
	return fd;
}

static void the_procfile_is_read_out_of_a_slug(void **state)
{
	int (*const filters[])(struct archive *) = {
		archive_write_add_filter_gzip, archive_write_add_filter_zstd,
		archive_write_add_filter_xz, archive_write_add_filter_bzip2,
		archive_write_add_filter_lz4, archive_write_add_filter_none,
	};

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		auto_close int fd = slug(i % 2 ? "./app/Procfile" : "app/Procfile",
					 "web: ./run\n", filters[i]);
		auto_buf text = BUF_INIT;

		assert_int_equal(slug_file_procfile(fd, &text, NULL), 0);
		assert_string_equal(buf_str(&text), "web: ./run\n");
	}
}

static void slugs_without_procfile_and_damaged_ones_are_refused(void **state)
{
	static const char junk[] =
		"this is no archive at all, however long it may be";
	auto_close int other_fd = slug("./app/other", "x",
				       archive_write_add_filter_gzip);
	auto_close int cut_fd = slug("./app/other", "x",
				     archive_write_add_filter_gzip);
	auto_close int junk_fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	auto_buf text = BUF_INIT;

	assert_int_equal(slug_file_procfile(other_fd, &text, NULL), -ENOENT);
	assert_int_equal(ftruncate(cut_fd, lseek(cut_fd, 0, SEEK_END) / 2), 0);
	assert_int_equal(slug_file_procfile(cut_fd, &text, NULL), -EINVAL);
	assert_int_equal(slug_file_procfile(junk_fd, &text, NULL), -EINVAL);
	assert_int_equal(write(junk_fd, junk, sizeof(junk)), sizeof(junk));
	assert_int_equal(slug_file_procfile(junk_fd, &text, NULL), -EINVAL);
	assert_int_equal(text.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_procfile_is_read_out_of_a_slug),
		cmocka_unit_test(slugs_without_procfile_and_damaged_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
