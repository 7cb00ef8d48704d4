/*
 * maker.c - slug files by libarchive's writing side.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "slugstore/store.h"
#include "tests/slugstore/maker.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

void maker_begin_as(struct maker *m, const char *filter, const char *format)
{
	m->fd = memfd_create("slug", MFD_CLOEXEC);
	assert(m->fd >= 0);
	m->archive = archive_write_new();
	assert(str_eq(filter, "none") ||
	       archive_write_add_filter_by_name(m->archive, filter) ==
	       ARCHIVE_OK);
	assert(archive_write_set_format_by_name(m->archive, format) ==
	       ARCHIVE_OK);
	/* The same slug a second later is the same slug. */
	archive_write_set_filter_option(m->archive, "gzip", "timestamp", NULL);
	assert(archive_write_open_fd(m->archive, m->fd) == ARCHIVE_OK);
}

void maker_begin(struct maker *m)
{
	maker_begin_as(m, "gzip", "gnutar");
}

static struct archive_entry *maker_new(const char *path, mode_t mode)
{
	struct archive_entry *ae = archive_entry_new();

	archive_entry_set_pathname(ae, path);
	archive_entry_set_mode(ae, mode);
	archive_entry_set_mtime(ae, MAKER_MTIME, 0);
	archive_entry_set_size(ae, 0);
	return ae;
}

void maker_entry(struct maker *m, struct archive_entry *ae)
{
	int r = archive_write_header(m->archive, ae);

	assert(r == ARCHIVE_OK || r == ARCHIVE_WARN);
	archive_entry_free(ae);
}

void maker_dir(struct maker *m, const char *path, mode_t mode)
{
	maker_entry(m, maker_new(path, S_IFDIR | mode));
}

void maker_file(struct maker *m, const char *path, mode_t mode,
		const char *content)
{
	struct archive_entry *ae = maker_new(path, S_IFREG | mode);

	archive_entry_set_size(ae, (la_int64_t)strlen(content));
	maker_entry(m, ae);
	archive_write_data(m->archive, content, strlen(content));
}

static void maker_claim(struct maker *m, const char *path, int64_t size)
{
	struct archive_entry *ae = maker_new(path, S_IFREG | 0644);

	archive_entry_set_size(ae, size);
	maker_entry(m, ae);
}

void maker_zeros(struct maker *m, const char *path, uint64_t size)
{
	auto_free char *block = xcalloc(1, 1 << 20);

	maker_claim(m, path, (int64_t)size);
	while (size > 0) {
		size_t n = size < 1 << 20 ? (size_t)size : 1 << 20;

		assert(archive_write_data(m->archive, block, n) == (ssize_t)n);
		size -= n;
	}
}

void maker_noise(struct maker *m, const char *path, size_t size)
{
	auto_free uint32_t *block = xcalloc(size / 4 + 1, 4);
	uint32_t x = 2463534242;

	for (size_t i = 0; i < size / 4; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		block[i] = x;
	}
	maker_claim(m, path, (int64_t)size);
	assert(archive_write_data(m->archive, block, size) == (ssize_t)size);
}

void maker_symlink(struct maker *m, const char *path, const char *target)
{
	struct archive_entry *ae = maker_new(path, S_IFLNK | 0777);

	archive_entry_set_symlink(ae, target);
	maker_entry(m, ae);
}

void maker_hardlink(struct maker *m, const char *path, const char *target)
{
	struct archive_entry *ae = maker_new(path, S_IFREG | 0644);

	archive_entry_set_hardlink(ae, target);
	maker_entry(m, ae);
}

void maker_special(struct maker *m, const char *path, mode_t type)
{
	maker_entry(m, maker_new(path, type | 0644));
}

int maker_end(struct maker *m)
{
	assert(archive_write_close(m->archive) == ARCHIVE_OK);
	archive_write_free(m->archive);
	lseek(m->fd, 0, SEEK_SET);
	return m->fd;
}

/* See tar(5): the size is 11 octal digits at 124, the check sum, with blanks
 * in its own place, 6 of them at 148. */
void maker_lie(int fd, uint64_t size)
{
	unsigned char h[512];
	char field[16];
	unsigned sum = 0;

	assert(pread(fd, h, sizeof(h), 0) == sizeof(h));
	snprintf(field, sizeof(field), "%011" PRIo64, size);
	memcpy(h + 124, field, 11);
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += h[i];
	snprintf(field, sizeof(field), "%06o", sum);
	memcpy(h + 148, field, 7);
	assert(pwrite(fd, h, sizeof(h), 0) == sizeof(h));
}

int maker_slug(void)
{
	struct maker m;

	maker_begin(&m);
	maker_dir(&m, "./app/", 0755);
	maker_file(&m, "./app/Procfile", 0644, "web: bin/web\n");
	maker_file(&m, "./app/bin/web", 0755, "#!/bin/sh\n");
	maker_symlink(&m, "./app/python", "/usr/bin/python3");
	return maker_end(&m);
}

char *maker_new_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	auto_free char *secret = id_secret(6);
	char *dir = xasprintf("%s/dyno-test-%s", tmp ? tmp : "/tmp", secret);

	assert(mkdir(dir, 0700) == 0);
	return dir;
}

void maker_remove_dir(char *dir)
{
	assert(file_remove_tree(AT_FDCWD, dir, NULL) == 0);
	free(dir);
}

void maker_import(struct store *s, int fd, char ret[SHA256_HEX_MAX])
{
	auto_(store_import_free_p) struct store_import *imp = NULL;
	char block[4096];
	ssize_t n;

	assert(store_import_begin(s, 0, &imp, NULL) == 0);
	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, block, sizeof(block))) > 0)
		assert(store_import_write(imp, block, (size_t)n, NULL) == 0);
	assert(store_import_finish(imp, NULL, ret, NULL, NULL) == 0);
}

int maker_count(const char *dir, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	DIR *d = opendir(path);
	int n = 0;

	if (!d)
		return -1;
	for (struct dirent *de; (de = readdir(d)); )
		n += !str_eq(de->d_name, ".") && !str_eq(de->d_name, "..");
	closedir(d);
	return n;
}
