/*
 * unpack.c - what tar.c reads, entry.c allows and tree.c admits goes to the
 * writer and, with the SHA-256 of its bytes, into the manifest.
 */
#include "base/error.h"
#include "slugstore/digest.h"
#include "slugstore/manifest/manifest.h"
#include "slugstore/unpack/entry.h"
#include "slugstore/unpack/inflate.h"
#include "slugstore/unpack/tar.h"
#include "slugstore/unpack/tree.h"
#include "slugstore/unpack/unpack.h"
#include "slugstore/unpack/unpack_dirs.h"
#include "slugstore/unpack/unpack_image.h"
#include "slugstore/unpack/writer.h"

struct unpack {
	struct tar *tar;
	struct tree tree;
	struct writer *writer;			/* NULL: check only */
	struct manifest_writer *manifest;	/* borrowed; NULL: none */
	struct digest *digest;			/* of a file, for the manifest */
	struct entry_verdict entry;		/* the one we are at */
	struct unpack_result res;
};

static struct unpack *unpack_free(struct unpack *u)
{
	if (u) {
		writer_free(u->writer);
		tar_free(u->tar);
		tree_deinit(&u->tree);
		digest_free(u->digest);
		free(u);
	}
	return NULL;
}
DEFINE_AUTO(struct unpack, unpack_free)

static void unpack_hash_hole(struct unpack *u, uint64_t n)
{
	static const char zeros[64 * 1024];

	for (size_t k; n > 0; n -= k) {
		k = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);
		digest_add(u->digest, zeros, k);
	}
}

/* The data of the current entry: only read past it. */
static int unpack_skip(struct unpack *u, struct error *e)
{
	const void *p;
	uint64_t offset;
	size_t n;
	int r;

	while ((r = tar_data(u->tar, &p, &n, &offset, e)) == 0)
		;
	return r < 0 ? r : 0;
}

/* The data of a file, to the writer; *ret_sha256 if there is a manifest. */
static int unpack_data(struct unpack *u, char ret_sha256[SHA256_HEX_MAX],
		       struct error *e)
{
	uint64_t offset, end = 0;
	const void *p;
	size_t n;
	int r;

	while ((r = tar_data(u->tar, &p, &n, &offset, e)) == 0) {
		r = writer_data(u->writer, p, n, offset, e);
		if (r < 0)
			return r;
		if (u->manifest) {
			unpack_hash_hole(u, offset - end);
			digest_add(u->digest, p, n);
		}
		end = offset + n;
	}
	if (r < 0 || !u->manifest)
		return r < 0 ? r : 0;
	unpack_hash_hole(u, u->entry.size - end);
	digest_hex(u->digest, ret_sha256);
	return 0;
}

/* Directories come into the manifest at the end. */
static int unpack_note(struct unpack *u, const char *sha256, struct error *e)
{
	const struct entry_verdict *en = &u->entry;
	const struct manifest_entry line = {
		.type = en->type == ENTRY_FILE ? MANIFEST_FILE :
			en->type == ENTRY_SYMLINK ? MANIFEST_SYMLINK :
			MANIFEST_HARDLINK,
		.path = en->path, .mode = en->mode, .size = en->size,
		.mtime = en->mtime, .sha256 = sha256, .target = en->target,
	};

	if (!u->manifest || en->type == ENTRY_DIRECTORY)
		return 0;
	return manifest_add(u->manifest, &line, e);
}

static int unpack_make(struct unpack *u, int admitted, struct error *e)
{
	char sha256[SHA256_HEX_MAX] = "";
	int r;

	if (admitted == TREE_SAME)
		return 0;
	r = writer_entry(u->writer, &u->entry, admitted == TREE_REPLACES, e);
	if (r >= 0 && u->entry.type == ENTRY_FILE) {
		r = unpack_data(u, sha256, e);
		if (r >= 0)
			r = writer_end_file(u->writer, e);
	}
	return r < 0 ? r : unpack_note(u, sha256, e);
}

static int unpack_entry(struct unpack *u, const struct entry_claim *claim,
			struct error *e)
{
	int r = entry_decide(claim, u->tree.limits, &u->entry, e);

	if (r != 0)
		return r < 0 ? r : unpack_skip(u, e);
	r = tree_add(&u->tree, &u->entry, e);
	if (r < 0)
		return r;
	u->res.entries++;
	u->res.bytes += u->entry.size;
	if (u->writer)
		r = unpack_make(u, r, e);
	/* Whatever was not written: links and directories may have data. */
	return r < 0 ? r : unpack_skip(u, e);
}

static int unpack_open(struct unpack *u, const struct inflate_source *src,
		       int tree_fd, struct error *e)
{
	int r = digest_new(&u->digest, e);

	tree_init(&u->tree, src->limits);
	if (r >= 0)
		r = tar_open(&u->tar, src, e);
	if (r >= 0 && tree_fd >= 0)
		r = writer_new(&u->writer, tree_fd, e);
	return r;
}

/* Everything was read and admitted. */
static int unpack_end(struct unpack *u, int tree_fd, struct error *e)
{
	int r;

	if (tree_is_empty(&u->tree))
		return error_set(e, EINVAL, "the archive holds nothing below"
				 " ./app");
	r = tar_finish(u->tar, e);
	if (r >= 0 && u->writer)
		r = writer_finish(u->writer, e);
	if (r >= 0 && u->writer)
		r = unpack_dirs(tree_fd, &u->tree, u->manifest, e);
	return r;
}

int unpack_run(const struct inflate_source *src, int tree_fd,
	       struct manifest_writer *manifest, struct unpack_result *ret,
	       struct error *e)
{
	auto_(unpack_free_p) struct unpack *u = xcalloc(1, sizeof(*u));
	struct entry_claim claim;
	enum image_kind image;
	int r = image_probe(src->fd, &image, e);

	u->manifest = tree_fd < 0 ? NULL : manifest;
	if (r == 0 && image != IMAGE_NONE)
		return unpack_image(src, image, ret, e);
	if (r == 0)
		r = unpack_open(u, src, tree_fd, e);
	while (r >= 0 && (r = tar_next(u->tar, &claim, e)) == 0)
		r = unpack_entry(u, &claim, e);
	if (r >= 0)
		r = unpack_end(u, tree_fd, e);
	if (r < 0)
		return r;
	*ret = u->res;
	return 0;
}
