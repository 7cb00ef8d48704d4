#include "cli/client/slug_file.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/process.h"
#include "base/strv.h"
#include "cli/client/procfile.h"
#include "http/json.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>

#define SLUG_FILE_CHUNK (128 * 1024)
#define SLUG_FILE_WORDS_MAX (256 * 1024)	/* of dyno-slug */

/* ---- make one ---- */

/* Reads to the end in any case, so that the child is not held up. */
static int slug_file_read_words(int fd, struct buf *ret, struct error *e)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "read what dyno-slug says");
		if (ret->len < SLUG_FILE_WORDS_MAX)
			buf_add(ret, chunk, (size_t)n);
	}
	return 0;
}

/* The last line, without its end. */
static const char *slug_file_last(struct buf *words)
{
	char *p;

	while (words->len && words->data[words->len - 1] == '\n')
		words->data[--words->len] = '\0';
	p = words->len ? strrchr(words->data, '\n') : NULL;
	return p ? p + 1 : buf_str(words);
}

static int slug_file_result(int status, struct buf *words, json_t **ret,
			    struct error *e)
{
	const char *last = slug_file_last(words);
	const char *message = str_after(last, "dyno-slug: ");

	if (status == 0)
		return json_parse(last, strlen(last), ret, e);
	if (message)
		return error_set(e, EINVAL, "%s", message);
	return error_set(e, EIO, "dyno-slug ended with status %d", status);
}

int slug_file_create(const char *dir, int out_fd, json_t **ret, struct error *e)
{
	auto_free char *path = process_sibling("dyno-slug");
	auto_close int words_fd = -1, pid_fd = -1;
	auto_buf words = BUF_INIT;
	static const char *const arguments[] = {
		"dyno-slug", "create", "--times", "keep", "--output", "-",
		"--json", "--",
	};
	auto_strv argv = STRV_INIT;
	struct process_spec spec = PROCESS_SPEC_INIT;
	int r, p[2], status;
	pid_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(arguments); i++)
		strv_add(&argv, arguments[i]);
	strv_add(&argv, dir);
	if (pipe2(p, O_CLOEXEC) < 0)
		return error_sys(e, "create a pipe");
	words_fd = p[0];
	spec.path = path;
	spec.argv = strv_argv(&argv);
	spec.stdout_fd = out_fd;
	spec.stderr_fd = p[1];
	spec.die_with_parent = true;
	r = process_spawn(&spec, &pid, &pid_fd, e);
	fd_close(p[1]);
	if (r < 0)
		return r;
	r = slug_file_read_words(words_fd, &words, e);
	if (r == 0)
		r = process_wait(pid_fd, &status, e);
	return r < 0 ? r : slug_file_result(status, &words, ret, e);
}

/* ---- read one ---- */

static void slug_file_freep(struct archive **tar)
{
	archive_read_free(*tar);
}

static bool slug_file_is_procfile(const char *name)
{
	return name && (str_eq(name, "./app/Procfile") ||
			str_eq(name, "app/Procfile"));
}

static int slug_file_read(struct archive *tar, struct buf *ret, struct error *e)
{
	char chunk[4096];
	la_ssize_t n;

	while ((n = archive_read_data(tar, chunk, sizeof(chunk))) > 0) {
		buf_add(ret, chunk, (size_t)n);
		if (ret->len > PROCFILE_MAX)
			return error_set(e, EFBIG, "the Procfile is longer than "
					 "%d bytes", PROCFILE_MAX);
	}
	return n < 0 ? error_set(e, EINVAL, "damaged archive: %s",
				 archive_error_string(tar)) : 0;
}

/* Slugs may be file systems, but no Procfile is read out of those here. */
static const char *slug_file_image(int fd)
{
	static const unsigned char erofs[] = { 0xe2, 0xe1, 0xf5, 0xe0 };
	unsigned char magic[4];

	if (pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
	    memcmp(magic, "hsqs", sizeof(magic)) == 0)
		return "squashfs";
	if (pread(fd, magic, sizeof(magic), 1024) == sizeof(magic) &&
	    memcmp(magic, erofs, sizeof(magic)) == 0)
		return "erofs";
	return NULL;
}

int slug_file_procfile(int fd, struct buf *ret, struct error *e)
{
	auto_(slug_file_freep) struct archive *tar = archive_read_new();
	struct archive_entry *entry;
	const char *image;
	struct stat st;
	int r;

	archive_read_support_filter_gzip(tar);
	archive_read_support_filter_zstd(tar);
	archive_read_support_filter_xz(tar);
	archive_read_support_filter_bzip2(tar);
	archive_read_support_filter_lz4(tar);
	archive_read_support_format_tar(tar);
	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(e, "rewind the slug");
	if (S_ISREG(st.st_mode) && st.st_size == 0)
		return error_set(e, EINVAL, "the file is empty");
	image = slug_file_image(fd);
	if (image)
		return error_set(e, EINVAL, "it is an image (%s): deploy the archive that "
				 "it was made of", image);
	if (archive_read_open_fd(tar, fd, SLUG_FILE_CHUNK) != ARCHIVE_OK)
		return error_set(e, EINVAL, "not a tar archive (gzip, zstd, xz, "
				 "bzip2, lz4 or plain)");
	while ((r = archive_read_next_header(tar, &entry)) == ARCHIVE_OK)
		if (slug_file_is_procfile(archive_entry_pathname(entry)))
			return slug_file_read(tar, ret, e);
	if (r != ARCHIVE_EOF)
		return error_set(e, EINVAL, "damaged archive: %s",
				 archive_error_string(tar));
	return error_set(e, ENOENT, "it holds no ./app/Procfile");
}
