/*
 * manifest.c - the writer: lines are collected, hashed and written in blocks.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "slugstore/digest.h"
#include "slugstore/manifest/manifest_line.h"

#define MANIFEST_BLOCK (64 * 1024)

struct manifest_writer {
	int fd;			/* borrowed */
	struct digest *digest;
	struct buf out;		/* not written yet */
};

int manifest_writer_new(struct manifest_writer **ret, int fd, struct error *e)
{
	auto_(manifest_writer_free_p) struct manifest_writer *w =
		xcalloc(1, sizeof(*w));
	int r = digest_new(&w->digest, e);

	if (r < 0)
		return r;
	w->fd = fd;
	buf_adds(&w->out, MANIFEST_HEAD);
	*ret = take_ptr(w);
	return 0;
}

struct manifest_writer *manifest_writer_free(struct manifest_writer *w)
{
	if (w) {
		digest_free(w->digest);
		buf_deinit(&w->out);
		free(w);
	}
	return NULL;
}

static int manifest_write(struct manifest_writer *w, struct error *e)
{
	int r = file_write_all(w->fd, w->out.data, w->out.len, e);

	buf_clear(&w->out);
	return error_prefix(e, r, "manifest");
}

int manifest_add(struct manifest_writer *w, const struct manifest_entry *en,
		 struct error *e)
{
	manifest_line_add(&w->out, en);
	if (w->out.len < MANIFEST_BLOCK)
		return 0;
	digest_add(w->digest, w->out.data, w->out.len);
	return manifest_write(w, e);
}

int manifest_finish(struct manifest_writer *w, struct error *e)
{
	char sha256[SHA256_HEX_MAX];

	digest_add(w->digest, w->out.data, w->out.len);
	buf_addf(&w->out, MANIFEST_LAST "%s\n", digest_hex(w->digest, sha256));
	return manifest_write(w, e);
}
