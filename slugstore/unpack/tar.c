/*
 * tar.c - libarchive's tar reader, behind a callback that has limits.
 */
#include "base/error.h"
#include "slugstore/unpack/inflate.h"
#include "slugstore/unpack/limits.h"
#include "slugstore/unpack/stream.h"
#include "slugstore/unpack/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <inttypes.h>
#include <locale.h>

struct tar {
	const struct limits *limits;
	struct archive *archive;
	struct stream *stream;
	locale_t utf8, saved;
	uint64_t given;		/* bytes that libarchive has got */
	uint64_t content_end;	/* behind the last of them that is not zero */
	uint64_t header_from;	/* where the header begins; in data: UINT64_MAX */
	uint64_t claimed;	/* sum of all claimed sizes */
	uint64_t entry_size;
	uint64_t data_end;	/* of its data so far */
	uint64_t n;		/* entries, also ignored ones */
	struct error fault;	/* of the callback; code 0: none */
	char name[ENTRY_QUOTE_MAX];	/* of the entry, for messages */
};

/* 0, STREAM_END or < 0. */
static int tar_more(struct tar *t, const void **ret, size_t *ret_n,
		    struct error *e)
{
	const unsigned char *p;
	int r = stream_read(t->stream, ret, ret_n, e);

	if (r != 0)
		return r;
	p = *ret;
	for (size_t i = *ret_n; i > 0; i--)
		if (p[i - 1]) {
			t->content_end = t->given + i;
			break;
		}
	t->given += *ret_n;
	return 0;
}

/* libarchive keeps all of a header in memory, and maps of sparse files in many
 * times their own size. */
static int tar_check_header(struct tar *t, struct error *e)
{
	if (t->given <= t->header_from ||
	    t->given - t->header_from <= t->limits->header_bytes)
		return 0;
	return error_set(e, EFBIG, "a header of more than %" PRIu64 " bytes",
			 t->limits->header_bytes);
}

static la_ssize_t on_tar_read(struct archive *a, void *userdata,
			      const void **ret)
{
	struct tar *t = userdata;
	size_t n = 0;
	int r = tar_check_header(t, &t->fault);

	(void)a;
	if (r >= 0)
		r = tar_more(t, ret, &n, &t->fault);
	return r < 0 ? ARCHIVE_FATAL : (la_ssize_t)n;
}

/* Names in pax headers are UTF-8, and libarchive converts them to the locale
 * of the thread: make that UTF-8 too, whatever the program runs in. On the way
 * they get normal form C; no option of the reader prevents it ("hdrcharset" is
 * for other formats), only hdrcharset=BINARY in the archive itself. */
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

/* "entry "x": ", or where we were when it came to no entry. */
static int tar_blame(struct tar *t, int r, bool in_header, struct error *e)
{
	if (!*t->name)
		return r;
	return error_prefix(e, r, in_header ? "behind entry \"%s\""
					    : "entry \"%s\"", t->name);
}

static int tar_fault(struct tar *t, bool in_header, struct error *e)
{
	const char *text = archive_error_string(t->archive);
	int r;

	if (t->fault.code)
		r = error_set(e, t->fault.code, "%s", t->fault.msg);
	else if (t->n == 0 &&
		 archive_errno(t->archive) == EILSEQ)	/* no format bids */
		r = error_set(e, EINVAL, "not a tar archive (gzip, xz, zstd,"
			      " bzip2, lz4 or not compressed)");
	else
		r = error_set(e, EINVAL, "damaged archive: %s",
			      text ? text : "unknown reason");
	return tar_blame(t, r, in_header, e);
}

static int tar_start(struct tar *t, struct error *e)
{
	t->archive = archive_read_new();
	if (!t->archive ||
	    archive_read_support_format_tar(t->archive) != ARCHIVE_OK)
		return error_set(e, ENOMEM, "start libarchive");
	/* This already reads. */
	if (archive_read_open(t->archive, t, NULL, on_tar_read, NULL)
	    != ARCHIVE_OK)
		return tar_fault(t, true, e);
	return 0;
}

int tar_open(struct tar **ret, const struct inflate_source *src,
	     struct error *e)
{
	auto_(tar_free_p) struct tar *t = xcalloc(1, sizeof(*t));
	int r;

	t->limits = src->limits;
	t->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	r = stream_open(&t->stream, src, e);
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
	stream_free(t->stream);
	free(t);
	return NULL;
}

/* Compression tells a cut by itself, a plain tar only by its end mark. */
static int tar_check_end(struct tar *t, struct error *e)
{
	struct archive *a = t->archive;

	if (!stream_is_plain(t->stream) ||
	    archive_filter_bytes(a, 0) > archive_read_header_position(a))
		return 0;
	return error_set(e, EINVAL, "damaged archive: it has no end mark");
}

/* Also entries that are ignored must be read past: all count. */
static int tar_count(struct tar *t, const struct entry_claim *claim,
		     struct error *e)
{
	const struct limits *l = t->limits;

	if (++t->n > l->entries)
		return error_set(e, EFBIG, "more than %" PRIu64 " entries",
				 l->entries);
	t->data_end = 0;
	t->entry_size = claim->size > 0 ? (uint64_t)claim->size : 0;
	if (t->entry_size > l->total_bytes - t->claimed)
		return error_set(e, EFBIG, "more than %" PRIu64 " bytes when"
				 " unpacked", l->total_bytes);
	t->claimed += t->entry_size;
	return 0;
}

static void tar_claim(struct archive_entry *ae, struct entry_claim *ret)
{
	*ret = (struct entry_claim){
		.path = archive_entry_pathname(ae),
		.symlink = archive_entry_symlink(ae),
		.hardlink = archive_entry_hardlink(ae),
		.mode = archive_entry_mode(ae),
		.size = archive_entry_size(ae),
		.mtime = { archive_entry_mtime(ae),
			   archive_entry_mtime_nsec(ae) },
	};
}

/* A warning about names which are no UTF-8 is about what we want as it is. Any
 * other says that a part of the header was skipped: maybe the part that says
 * where the file goes. */
static bool tar_is_read(struct tar *t, int r)
{
	return r == ARCHIVE_OK ||
	       (r == ARCHIVE_WARN && archive_errno(t->archive) == EILSEQ);
}

int tar_next(struct tar *t, struct entry_claim *ret, struct error *e)
{
	struct archive_entry *ae;
	int r;

	t->header_from = t->given;
	tar_locale_enter(t);
	r = archive_read_next_header(t->archive, &ae);
	if (r == ARCHIVE_OK || r == ARCHIVE_WARN)
		tar_claim(ae, ret);
	tar_locale_leave(t);
	t->header_from = UINT64_MAX;

	if (t->fault.code)
		return tar_fault(t, true, e);
	if (r == ARCHIVE_EOF)
		return tar_check_end(t, e) < 0 ? -EINVAL : TAR_END;
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		return tar_fault(t, true, e);
	entry_quote(t->name, ret->path ? ret->path : "?");
	if (!tar_is_read(t, r))
		return tar_fault(t, false, e);
	return tar_blame(t, tar_count(t, ret, e), false, e);
}

/* The map of a sparse file is the archive's own, and libarchive is lenient: in
 * maps of version 0.1 it takes an offset without a length, or nothing between two
 * commas. Whatever it makes of them, pieces are in order and within the size. */
static int tar_check_piece(struct tar *t, uint64_t offset, size_t n,
			   struct error *e)
{
	if (offset > t->entry_size || n > t->entry_size - offset)
		return error_set(e, EINVAL, "damaged archive: more data than it"
				 " claims");
	if (offset < t->data_end)
		return error_set(e, EINVAL, "damaged archive: its data overlap");
	t->data_end = offset + n;
	return 0;
}

int tar_data(struct tar *t, const void **ret, size_t *ret_n,
	     uint64_t *ret_offset, struct error *e)
{
	la_int64_t offset;
	int r;

	do {
		r = archive_read_data_block(t->archive, ret, ret_n, &offset);
		if (r == ARCHIVE_EOF && !t->fault.code)
			return TAR_END;
		if (r != ARCHIVE_OK)
			return tar_fault(t, false, e);
	} while (*ret_n == 0);

	*ret_offset = (uint64_t)offset;
	return tar_blame(t, tar_check_piece(t, *ret_offset, *ret_n, e), false, e);
}

/* The rest of the stream, for its check sums and for what is hidden there. */
int tar_finish(struct tar *t, struct error *e)
{
	la_int64_t used = archive_filter_bytes(t->archive, 0);
	const void *p;
	size_t n;
	int r;

	while ((r = tar_more(t, &p, &n, e)) == 0)
		;
	if (r < 0)
		return tar_blame(t, r, true, e);
	if (used < 0 || t->content_end > (uint64_t)used)
		return error_set(e, EINVAL, "damaged archive: something else"
				 " follows its end");
	return 0;
}
