/*
 * import.c - a blob comes in: hashed while it is written, durable before it
 * has its name. Two imports of the same bytes are both right: the second finds
 * the name taken, and that is success.
 */
#include "base/error.h"
#include "base/file.h"
#include "slugstore/digest.h"
#include "slugstore/incoming.h"
#include "slugstore/store_dir.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

struct store_import {
	struct store *store;
	struct incoming in;
	struct digest *digest;
	uint64_t size, max;
};

int store_import_begin(struct store *s, uint64_t max,
		       struct store_import **ret, struct error *e)
{
	auto_(store_import_free_p) struct store_import *imp =
		xcalloc(1, sizeof(*imp));
	int r;

	imp->store = s;
	imp->max = max;
	imp->in = INCOMING_INIT;
	r = digest_new(&imp->digest, e);
	if (r >= 0)
		r = incoming_new_file(&imp->in, s, e);
	if (r < 0)
		return r;
	*ret = take_ptr(imp);
	return 0;
}

struct store_import *store_import_free(struct store_import *imp)
{
	if (imp) {
		incoming_deinit(&imp->in);
		digest_free(imp->digest);
		free(imp);
	}
	return NULL;
}

int store_import_write(struct store_import *imp, const void *data, size_t n,
		       struct error *e)
{
	int r;

	assert(imp->in.store);		/* not finished yet */
	if (imp->max && n > imp->max - imp->size)
		return error_set(e, EFBIG, "slug: more than %" PRIu64 " bytes",
				 imp->max);
	r = file_write_all(imp->in.fd, data, n, e);
	if (r < 0)
		return error_prefix(e, r, "slug");
	digest_add(imp->digest, data, n);
	imp->size += n;
	return 0;
}

/* Give the blob its name, for ever. */
static int import_publish(struct store_import *imp, const char *sha256,
			  struct error *e)
{
	struct store *s = imp->store;

	if (fchmod(imp->in.fd, 0644) < 0)
		return error_sys(e, "change the mode of a blob");
	if (fsync(imp->in.fd) < 0)
		return error_sys(e, "sync a blob");
	if (renameat2(s->incoming_fd, imp->in.name, s->blobs_fd, sha256,
		      RENAME_NOREPLACE) == 0)
		incoming_moved(&imp->in);
	else if (errno != EEXIST)
		return error_sys(e, "create %s/blobs/%s", s->dir, sha256);
	else
		incoming_deinit(&imp->in);
	return file_sync_dir(s->blobs_fd, ".", e);
}

int store_import_finish(struct store_import *imp, const char *expected,
			char ret_sha256[SHA256_HEX_MAX], uint64_t *ret_size,
			struct error *e)
{
	char sha256[SHA256_HEX_MAX];
	int r;

	assert(imp->in.store);
	if (imp->size == 0)
		return error_set(e, EINVAL, "slug: the file is empty");
	if (expected) {
		r = store_check_name(expected, e);
		if (r < 0)
			return r;
	}
	digest_hex(imp->digest, sha256);
	if (expected && !str_eq(expected, sha256))
		return error_set(e, EBADMSG, "slug: its SHA-256 is %s, but %s"
				 " was expected", sha256, expected);
	r = import_publish(imp, sha256, e);
	if (r < 0)
		return error_prefix(e, r, "slug");
	memcpy(ret_sha256, sha256, sizeof(sha256));
	if (ret_size)
		*ret_size = imp->size;
	return 0;
}
