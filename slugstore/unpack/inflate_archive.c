/*
 * inflate_archive.c - zstd, bzip2 and lz4 by the decoders of libarchive, with
 * its format "raw": the bytes as they are.
 */
#include "base/error.h"
#include "slugstore/unpack/inflate_coder.h"
#include "slugstore/unpack/limits.h"
#include "slugstore/unpack/zstd_frames.h"

#include <archive.h>
#include <archive_entry.h>

struct inflate_archive {
	struct inflate *inflate;	/* borrowed */
	struct archive *archive;
	bool begun, is_zstd;
	const uint8_t *left;		/* decoded and not yet given out */
	size_t n_left;
	struct zstd_frames frames;
	struct error fault;		/* of the callback; code 0: none */
};

static la_ssize_t on_archive_read(struct archive *a, void *userdata,
				  const void **ret)
{
	struct inflate_archive *ia = userdata;
	const uint8_t *p = NULL;
	uint64_t window = 0;
	size_t n = 0;
	int r = inflate_input(ia->inflate, &p, &n, &ia->fault);

	(void)a;
	if (r >= 0 && ia->is_zstd)
		window = zstd_frames_add(&ia->frames, p, n);
	if (window > inflate_limits(ia->inflate)->window_bytes)
		r = inflate_is_hungry(ia->inflate, window, &ia->fault);
	*ret = p;
	return r < 0 ? ARCHIVE_FATAL : (la_ssize_t)n;
}

static void archive_coder_free(void *state)
{
	struct inflate_archive *ia = state;

	archive_read_free(ia->archive);
	free(ia);
}

static int archive_open_with(struct inflate *f, void **ret,
			     int (*filter)(struct archive *), struct error *e)
{
	struct inflate_archive *ia = xcalloc(1, sizeof(*ia));

	ia->inflate = f;
	ia->frames = ZSTD_FRAMES_INIT;
	ia->is_zstd = filter == archive_read_support_filter_zstd;
	ia->archive = archive_read_new();
	*ret = ia;
	/* ARCHIVE_WARN would mean: by an external program. */
	if (!ia->archive || filter(ia->archive) != ARCHIVE_OK ||
	    archive_read_support_format_raw(ia->archive) != ARCHIVE_OK)
		return error_set(e, ENOTSUP, "start libarchive");
	return 0;
}

static int zstd_open(struct inflate *f, void **ret, struct error *e)
{
	return archive_open_with(f, ret, archive_read_support_filter_zstd, e);
}

static int bzip2_open(struct inflate *f, void **ret, struct error *e)
{
	return archive_open_with(f, ret, archive_read_support_filter_bzip2, e);
}

static int lz4_open(struct inflate *f, void **ret, struct error *e)
{
	return archive_open_with(f, ret, archive_read_support_filter_lz4, e);
}

static int archive_fault(struct inflate_archive *ia, struct error *e)
{
	const char *text = archive_error_string(ia->archive);

	if (!ia->fault.code)
		return inflate_damaged(e, text ? text : "unknown reason");
	return error_set(e, ia->fault.code, "%s", ia->fault.msg);
}

static int archive_begin(struct inflate_archive *ia, struct error *e)
{
	struct archive_entry *ae;

	ia->begun = true;
	if (archive_read_open(ia->archive, ia, NULL, on_archive_read, NULL)
	    != ARCHIVE_OK ||
	    archive_read_next_header(ia->archive, &ae) != ARCHIVE_OK)
		return archive_fault(ia, e);
	/* It looked like it by its first bytes, but no more. */
	if (archive_filter_code(ia->archive, 0) == ARCHIVE_FILTER_NONE)
		return inflate_damaged(e, "its beginning is wrong");
	return 0;
}

static int archive_more(struct inflate *f, struct inflate_archive *ia,
			struct error *e)
{
	const void *p;
	la_int64_t offset, used;
	int r = ia->begun ? 0 : archive_begin(ia, e);

	if (r < 0)
		return r;
	do
		r = archive_read_data_block(ia->archive, &p, &ia->n_left,
					    &offset);
	while (r == ARCHIVE_OK && ia->n_left == 0);
	ia->left = p;
	if (r == ARCHIVE_OK)
		return 0;
	if (r != ARCHIVE_EOF || ia->fault.code)
		return archive_fault(ia, e);
	/* bzip2 and lz4 stop at what they do not know. */
	used = archive_filter_bytes(ia->archive, -1);
	if (used < 0 || (uint64_t)used < inflate_size(f))
		return inflate_has_more(e);
	return INFLATE_END;
}

static int archive_coder_read(struct inflate *f, void *state, void *to,
			      size_t room, size_t *ret_n, struct error *e)
{
	struct inflate_archive *ia = state;
	int r = ia->n_left > 0 ? 0 : archive_more(f, ia, e);

	if (r != 0)
		return r;
	*ret_n = ia->n_left < room ? ia->n_left : room;
	memcpy(to, ia->left, *ret_n);
	ia->left += *ret_n;
	ia->n_left -= *ret_n;
	return 0;
}

const struct inflate_coder inflate_zstd = {
	.magic = "\x28\xb5\x2f\xfd", .magic_n = 4,
	.open = zstd_open, .read = archive_coder_read,
	.free = archive_coder_free,
};
const struct inflate_coder inflate_bzip2 = {
	.magic = "BZh", .magic_n = 3,
	.open = bzip2_open, .read = archive_coder_read,
	.free = archive_coder_free,
};
const struct inflate_coder inflate_lz4 = {
	.magic = "\x04\x22\x4d\x18", .magic_n = 4,
	.open = lz4_open, .read = archive_coder_read,
	.free = archive_coder_free,
};
