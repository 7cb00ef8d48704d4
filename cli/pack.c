#include "cli/pack.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "cli/procfile.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#define PACK_DEPTH_MAX 128
#define PACK_CHUNK (128 * 1024)

struct pack {
	struct archive *tar;
	int64_t epoch_sec;
	struct pack_result *result;
	char *chunk;
};

void pack_result_deinit(struct pack_result *r)
{
	free(r->skipped);
	*r = PACK_RESULT_INIT;
}

static void pack_entry_freep(struct archive_entry **entry)
{
	archive_entry_free(*entry);
}

static int pack_archive_error(struct pack *p, const char *name, struct error *e)
{
	int code = archive_errno(p->tar);

	return error_set(e, code > 0 ? code : EIO, "pack %s: %s", name,
			 archive_error_string(p->tar));
}

static int pack_head(struct pack *p, const char *name, const struct stat *st,
		     const char *target, struct error *e)
{
	auto_(pack_entry_freep) struct archive_entry *entry = archive_entry_new();
	int64_t mtime = (int64_t)st->st_mtim.tv_sec;

	if (p->epoch_sec >= 0 && mtime > p->epoch_sec)
		mtime = p->epoch_sec;
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, st->st_mode & S_IFMT);
	archive_entry_set_perm(entry, S_ISLNK(st->st_mode)
			       ? 0777 : st->st_mode & 0777);
	archive_entry_set_uid(entry, 0);
	archive_entry_set_gid(entry, 0);
	archive_entry_set_mtime(entry, (time_t)mtime, 0);
	archive_entry_set_size(entry, S_ISREG(st->st_mode) ? st->st_size : 0);
	if (target)
		archive_entry_set_symlink(entry, target);
	if (archive_write_header(p->tar, entry) != ARCHIVE_OK)
		return pack_archive_error(p, name, e);
	return 0;
}

static int pack_content(struct pack *p, int fd, const char *name, uint64_t size,
			struct error *e)
{
	while (size > 0) {
		size_t want = size < PACK_CHUNK ? (size_t)size : PACK_CHUNK;
		ssize_t n = read(fd, p->chunk, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "read %s", name);
		if (n == 0)
			return error_set(e, EBUSY, "%s became shorter while it "
					 "was read", name);
		if (archive_write_data(p->tar, p->chunk, (size_t)n) != n)
			return pack_archive_error(p, name, e);
		size -= (uint64_t)n;
	}
	return 0;
}

static int pack_file(struct pack *p, int dirfd, const char *base,
		     const char *name, struct error *e)
{
	auto_close int fd = openat(dirfd, base, O_RDONLY | O_CLOEXEC |
				   O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0)
		return error_sys(e, "open %s", name);
	if (fstat(fd, &st) < 0)
		return error_sys(e, "stat %s", name);
	if (!S_ISREG(st.st_mode))
		return error_set(e, EBUSY, "%s changed its kind", name);
	r = pack_head(p, name, &st, NULL, e);
	if (r < 0)
		return r;
	p->result->files++;
	p->result->bytes += (uint64_t)st.st_size;
	return pack_content(p, fd, name, (uint64_t)st.st_size, e);
}

static int pack_link(struct pack *p, int dirfd, const char *base,
		     const char *name, const struct stat *st, struct error *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, base, target, sizeof(target) - 1);

	if (n < 0)
		return error_sys(e, "read link %s", name);
	target[n] = '\0';
	p->result->files++;
	return pack_head(p, name, st, target, e);
}

static int pack_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Takes fd. Names in the order of their bytes: the same in every locale. */
static int pack_names(int fd, const char *name, struct strv *ret,
		      struct error *e)
{
	DIR *d = fdopendir(fd);
	struct dirent *ent;

	if (!d) {
		fd_close(fd);
		return error_sys(e, "read %s", name);
	}
	while ((errno = 0, ent = readdir(d)))
		if (!str_eq(ent->d_name, ".") && !str_eq(ent->d_name, "..") &&
		    !str_eq(ent->d_name, ".git"))
			strv_add(ret, ent->d_name);
	if (errno) {
		int r = error_sys(e, "read %s", name);

		closedir(d);
		return r;
	}
	closedir(d);
	if (ret->n > 0)
		qsort(ret->v, ret->n, sizeof(*ret->v), pack_compare);
	return 0;
}

static int pack_tree(struct pack *p, int dirfd, const char *base,
		     const char *name, int depth, struct error *e);

static int pack_any(struct pack *p, int dirfd, const char *base,
		    const char *name, int depth, struct error *e)
{
	struct stat st;

	if (fstatat(dirfd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "stat %s", name);
	if (S_ISDIR(st.st_mode))
		return pack_tree(p, dirfd, base, name, depth + 1, e);
	if (S_ISREG(st.st_mode))
		return pack_file(p, dirfd, base, name, e);
	if (S_ISLNK(st.st_mode))
		return pack_link(p, dirfd, base, name, &st, e);
	if (!p->result->skipped)
		p->result->skipped = xstrdup(name);
	return 0;
}

static int pack_tree(struct pack *p, int dirfd, const char *base,
		     const char *name, int depth, struct error *e)
{
	auto_close int fd = openat(dirfd, base, O_RDONLY | O_CLOEXEC |
				   O_DIRECTORY | (depth ? O_NOFOLLOW : 0));
	auto_strv names = STRV_INIT;
	struct stat st;
	int r, list_fd;

	if (fd < 0)
		return error_sys(e, "open %s", depth ? name : base);
	if (depth > PACK_DEPTH_MAX)
		return error_set(e, ELOOP, "%s is nested deeper than %d "
				 "directories", name, PACK_DEPTH_MAX);
	if (fstat(fd, &st) < 0)
		return error_sys(e, "stat %s", name);
	list_fd = openat(fd, ".", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	if (list_fd < 0)
		return error_sys(e, "open %s", name);
	r = pack_names(list_fd, name, &names, e);
	if (r == 0)
		r = pack_head(p, name, &st, NULL, e);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		auto_free char *path = xasprintf("%s/%s", name, names.v[i]);

		r = pack_any(p, fd, names.v[i], path, depth, e);
	}
	return r;
}

static void pack_write_freep(struct archive **tar)
{
	archive_write_free(*tar);
}

static void pack_read_freep(struct archive **tar)
{
	archive_read_free(*tar);
}

int pack_directory(const char *dir, int out_fd, int64_t epoch_sec,
		   struct pack_result *ret, struct error *e)
{
	auto_(pack_write_freep) struct archive *tar = archive_write_new();
	auto_free char *chunk = xmalloc(PACK_CHUNK);
	struct pack p = {
		.tar = tar, .epoch_sec = epoch_sec, .result = ret, .chunk = chunk,
	};
	int r;

	archive_write_set_format_pax_restricted(tar);
	archive_write_add_filter_gzip(tar);
	if (archive_write_set_options(tar, "gzip:!timestamp,"
				      "hdrcharset=BINARY") != ARCHIVE_OK ||
	    archive_write_open_fd(tar, out_fd) != ARCHIVE_OK)
		return pack_archive_error(&p, dir, e);
	r = pack_tree(&p, AT_FDCWD, dir, "./app", 0, e);
	if (r == 0 && archive_write_close(tar) != ARCHIVE_OK)
		r = pack_archive_error(&p, dir, e);
	return r;
}

static bool pack_is_procfile(const char *name)
{
	return name && (str_eq(name, "./app/Procfile") ||
			str_eq(name, "app/Procfile"));
}

static int pack_read_entry(struct pack *p, struct buf *ret, struct error *e)
{
	ssize_t n;

	while ((n = archive_read_data(p->tar, p->chunk, PACK_CHUNK)) > 0) {
		buf_add(ret, p->chunk, (size_t)n);
		if (ret->len > PROCFILE_MAX)
			return error_set(e, EFBIG, "the Procfile is longer than "
					 "%d bytes", PROCFILE_MAX);
	}
	return n < 0 ? pack_archive_error(p, "Procfile", e) : 0;
}

int pack_procfile(int fd, struct buf *ret, struct error *e)
{
	auto_(pack_read_freep) struct archive *tar = archive_read_new();
	auto_free char *chunk = xmalloc(PACK_CHUNK);
	struct pack p = { .tar = tar, .chunk = chunk };
	struct archive_entry *entry;
	struct stat st;
	int r;

	archive_read_support_filter_gzip(tar);
	archive_read_support_filter_zstd(tar);
	archive_read_support_format_tar(tar);
	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(e, "rewind the slug");
	if (S_ISREG(st.st_mode) && st.st_size == 0)
		return error_set(e, EINVAL, "the file is empty");
	if (archive_read_open_fd(tar, fd, PACK_CHUNK) != ARCHIVE_OK)
		return error_set(e, EINVAL, "not a tar archive (gzip, zstd or "
				 "plain)");
	while ((r = archive_read_next_header(tar, &entry)) == ARCHIVE_OK)
		if (pack_is_procfile(archive_entry_pathname(entry)))
			return pack_read_entry(&p, ret, e);
	if (r != ARCHIVE_EOF)
		return error_set(e, EINVAL, "damaged archive: %s",
				 archive_error_string(tar));
	return error_set(e, ENOENT, "it holds no ./app/Procfile");
}
