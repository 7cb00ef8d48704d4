/*
 * tar.c - libarchive's reading side, behind a callback that counts and hashes.
 */
#include "base/error.h"
#include "slugstore/digest.h"
#include "slugstore/limits.h"
#include "slugstore/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <inttypes.h>
#include <locale.h>

#define TAR_BLOCK (256 * 1024)

struct tar {
	struct tar_source src;
	struct archive *archive;
	struct digest *digest;
	locale_t utf8, saved;
	uint64_t size;		/* of the file */
	uint64_t in;		/* bytes of it that were read */
	uint64_t claimed;	/* sum of all claimed sizes */
	uint64_t entry_size;
	uint64_t n;		/* entries, also ignored ones */
	char block[TAR_BLOCK];
};

static ssize_t tar_read(struct tar *t)
{
	ssize_t n;

	do
		n = pread(t->src.fd, t->block, sizeof(t->block), (off_t)t->in);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		digest_add(t->digest, t->block, (size_t)n);
		t->in += (uint64_t)n;
	}
	if (n > 0 && t->src.on_progress)
		t->src.on_progress(t->in, t->size, t->src.userdata);
	return n;
}

static la_ssize_t on_tar_read(struct archive *a, void *userdata,
			      const void **ret)
{
	struct tar *t = userdata;
	ssize_t n = tar_read(t);

	if (n < 0)
		archive_set_error(a, errno, "read: %s", strerror(errno));
	*ret = t->block;
	return n;
}

/* Names in pax headers are UTF-8, and libarchive converts them to the locale
 * of the thread: make that UTF-8 too, whatever the program runs in. */
static void tar_locale_enter(struct tar *t)
{
	if (t->utf8)
		t->saved = uselocale(t->utf8);
}

static void tar_locale_leave(struct tar *t)
{
	if (t->utf8)
		uselocale(t->saved);
}

static int tar_fault(struct tar *t, struct error *e)
{
	const char *text = archive_error_string(t->archive);

	if (t->n == 0 &&
	    archive_errno(t->archive) == EILSEQ)	/* no format bids */
		return error_set(e, EINVAL, "not a tar archive (gzip, zstd or"
				 " not compressed)");
	return error_set(e, EINVAL, "damaged archive: %s",
			 text ? text : "unknown reason");
}

static int tar_start(struct tar *t, struct error *e)
{
	static int (*const enable[])(struct archive *) = {
		archive_read_support_filter_gzip,
		archive_read_support_filter_zstd,
		archive_read_support_format_tar,
	};

	t->archive = archive_read_new();
	if (!t->archive)
		return error_set(e, ENOMEM, "start libarchive");
	/* ARCHIVE_WARN would mean: by an external program. */
	for (size_t i = 0; i < ARRAY_SIZE(enable); i++)
		if (enable[i](t->archive) != ARCHIVE_OK)
			return error_set(e, ENOTSUP, "start libarchive: %s",
					 archive_error_string(t->archive));
	/* This already reads, and looks what it is. */
	if (archive_read_open(t->archive, t, NULL, on_tar_read, NULL)
	    != ARCHIVE_OK)
		return tar_fault(t, e);
	return 0;
}

int tar_open(struct tar **ret, const struct tar_source *src, struct error *e)
{
	auto_(tar_free_p) struct tar *t = xcalloc(1, sizeof(*t));
	struct stat st;
	int r;

	t->src = *src;
	if (fstat(src->fd, &st) < 0)
		return error_sys(e, "read the file's size");
	if (!S_ISREG(st.st_mode))
		return error_set(e, EINVAL, "not a regular file");
	if (st.st_size == 0)
		return error_set(e, EINVAL, "the file is empty");
	t->size = (uint64_t)st.st_size;
	t->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);

	r = digest_new(&t->digest, e);
	if (r < 0)
		return r;
	tar_locale_enter(t);
	r = tar_start(t, e);
	tar_locale_leave(t);
	if (r < 0)
		return r;
	*ret = take_ptr(t);
	return 0;
}

struct tar *tar_free(struct tar *t)
{
	if (!t)
		return NULL;
	if (t->archive)
		archive_read_free(t->archive);
	if (t->utf8)
		freelocale(t->utf8);
	digest_free(t->digest);
	free(t);
	return NULL;
}

/* Unpacked bytes so far against packed bytes so far. */
static int tar_check_growth(struct tar *t, struct error *e)
{
	const struct limits *l = t->src.limits;
	la_int64_t bytes = archive_filter_bytes(t->archive, 0);
	uint64_t out = bytes > 0 ? (uint64_t)bytes : 0;

	/* A quarter more than the files, for headers. */
	if (out > l->total_bytes + l->total_bytes / 4)
		return error_set(e, EFBIG, "more than %" PRIu64 " bytes when"
				 " unpacked", l->total_bytes);
	if (archive_filter_code(t->archive, 0) != ARCHIVE_FILTER_NONE &&
	    out > l->ratio_from && out / l->ratio > t->in)
		return error_set(e, EFBIG, "the archive grows more than %" PRIu64
				 "-fold when unpacked", l->ratio);
	return 0;
}

/* Compression tells a cut by itself, a plain tar only by its end mark. */
static int tar_check_end(struct tar *t, struct error *e)
{
	struct archive *a = t->archive;

	if (archive_filter_code(a, 0) != ARCHIVE_FILTER_NONE ||
	    archive_filter_bytes(a, 0) > archive_read_header_position(a))
		return 0;
	return error_set(e, EINVAL, "damaged archive: it has no end mark");
}

/* Also entries that are ignored must be read past: all count. */
static int tar_count(struct tar *t, const struct entry_claim *claim,
		     struct error *e)
{
	const struct limits *l = t->src.limits;

	if (++t->n > l->entries)
		return error_set(e, EFBIG, "more than %" PRIu64 " entries",
				 l->entries);
	t->entry_size = claim->size > 0 ? (uint64_t)claim->size : 0;
	if (t->entry_size > l->total_bytes - t->claimed)
		return error_set(e, EFBIG, "more than %" PRIu64 " bytes when"
				 " unpacked", l->total_bytes);
	t->claimed += t->entry_size;
	return 0;
}

int tar_next(struct tar *t, struct entry_claim *ret, struct error *e)
{
	struct archive_entry *ae;
	int r;

	tar_locale_enter(t);
	r = archive_read_next_header(t->archive, &ae);
	if (r == ARCHIVE_OK || r == ARCHIVE_WARN)
		*ret = (struct entry_claim){
			.path = archive_entry_pathname(ae),
			.symlink = archive_entry_symlink(ae),
			.hardlink = archive_entry_hardlink(ae),
			.mode = archive_entry_mode(ae),
			.size = archive_entry_size(ae),
			.mtime = { archive_entry_mtime(ae),
				   archive_entry_mtime_nsec(ae) },
		};
	tar_locale_leave(t);

	if (r == ARCHIVE_EOF)
		return tar_check_end(t, e) < 0 ? -EINVAL : TAR_END;
	/* A warning is about what we do not use (ACLs, unknown keys). */
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		return tar_fault(t, e);
	r = tar_check_growth(t, e);
	return r < 0 ? r : tar_count(t, ret, e);
}

int tar_data(struct tar *t, const void **ret, size_t *ret_n,
	     uint64_t *ret_offset, struct error *e)
{
	la_int64_t offset;
	int r;

	do {
		r = archive_read_data_block(t->archive, ret, ret_n, &offset);
		if (r == ARCHIVE_EOF)
			return TAR_END;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return tar_fault(t, e);
		r = tar_check_growth(t, e);
		if (r < 0)
			return r;
	} while (*ret_n == 0);

	if (offset < 0 || (uint64_t)offset > t->entry_size ||
	    *ret_n > t->entry_size - (uint64_t)offset)
		return error_set(e, EINVAL, "damaged archive: an entry has more"
				 " data than it claims");
	*ret_offset = (uint64_t)offset;
	return 0;
}

int tar_finish(struct tar *t, char ret_sha256[SHA256_HEX_MAX], struct error *e)
{
	ssize_t n;

	do
		n = tar_read(t);
	while (n > 0);
	if (n < 0)
		return error_sys(e, "read");
	digest_hex(t->digest, ret_sha256);
	return 0;
}
