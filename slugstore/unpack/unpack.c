/*
 * unpack.c - carry out what tar.c reads, entry.c allows and tree.c admits.
 */
#include "base/error.h"
#include "base/file.h"
#include "slugstore/digest.h"
#include "slugstore/manifest.h"
#include "slugstore/unpack/entry.h"
#include "slugstore/unpack/inflate.h"
#include "slugstore/unpack/tar.h"
#include "slugstore/unpack/tree.h"
#include "slugstore/unpack/unpack.h"

#include <fcntl.h>
#include <stdio.h>

/*
 * Entries of one directory mostly come one after another: it is kept open. No
 * directory is ever removed or renamed while we unpack, so it stays the right
 * one.
 */
struct unpack {
	int tree_fd;		/* borrowed; -1: check only */
	struct manifest_writer *manifest;	/* borrowed; NULL: none */
	struct digest *digest;	/* of the file that is being written */
	uint64_t digested;	/* bytes of it */
	struct tar *tar;
	struct tree tree;
	int dir_fd;
	char dir[PATH_MAX];
};

static void unpack_deinit(struct unpack *u)
{
	tar_free(u->tar);
	digest_free(u->digest);
	tree_deinit(&u->tree);
	fd_close(u->dir_fd);
}

/* Open a directory, making it and those above if they are absent. */
static int unpack_open_dir(struct unpack *u, const char *path, struct error *e)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
	auto_close int above = -1;
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd = file_open_beneath(u->tree_fd, path, flags, 0, e);

	if (fd >= 0 || fd != -ENOENT)
		return fd;
	snprintf(parent, sizeof(parent), "%.*s",
		 slash ? (int)(slash - path) : 1, slash ? path : ".");
	above = unpack_open_dir(u, parent, e);
	if (above < 0)
		return above;
	if (mkdirat(above, slash ? slash + 1 : path, 0700) < 0)
		return error_sys(e, "create directory %s", path);
	return file_open_beneath(u->tree_fd, path, flags, 0, e);
}

/* Make u->dir_fd the directory of path; *ret_name = what is behind it. */
static int unpack_enter(struct unpack *u, const char *path,
			const char **ret_name, struct error *e)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	int fd;

	assert(slash);		/* "app" itself is a directory */
	*ret_name = slash + 1;
	if (u->dir_fd >= 0 && strncmp(u->dir, path, n) == 0 && !u->dir[n])
		return 0;
	u->dir_fd = fd_close(u->dir_fd);
	memcpy(u->dir, path, n);
	u->dir[n] = '\0';
	fd = unpack_open_dir(u, u->dir, e);
	if (fd < 0)
		return fd;
	u->dir_fd = fd;
	return 0;
}

static int unpack_write(int fd, const char *p, size_t n, uint64_t offset,
			const char *path, struct error *e)
{
	while (n > 0) {
		ssize_t w = pwrite(fd, p, n, (off_t)offset);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return error_sys(e, "write %s", path);
		p += w;
		n -= (size_t)w;
		offset += (uint64_t)w;
	}
	return 0;
}

/* ---- the manifest ---- */

static int unpack_digest_begin(struct unpack *u, struct error *e)
{
	u->digest = digest_free(u->digest);
	u->digested = 0;
	return u->manifest ? digest_new(&u->digest, e) : 0;
}

/* Up to offset, where nothing was written, there are zeros. */
static void unpack_digest_hole(struct unpack *u, uint64_t offset)
{
	static const char zeros[4096];

	while (u->digest && u->digested < offset) {
		uint64_t n = offset - u->digested;

		n = n < sizeof(zeros) ? n : sizeof(zeros);
		digest_add(u->digest, zeros, (size_t)n);
		u->digested += n;
	}
}

static void unpack_digest_add(struct unpack *u, const void *p, size_t n,
			      uint64_t offset)
{
	unpack_digest_hole(u, offset);
	if (u->digest)
		digest_add(u->digest, p, n);
	u->digested += n;
}

static int unpack_record(struct unpack *u, const struct entry_verdict *en,
			 struct error *e)
{
	static const enum manifest_type types[] = {
		[ENTRY_DIRECTORY] = MANIFEST_DIRECTORY,
		[ENTRY_FILE] = MANIFEST_FILE,
		[ENTRY_SYMLINK] = MANIFEST_SYMLINK,
		[ENTRY_HARDLINK] = MANIFEST_HARDLINK,
	};
	char sha256[SHA256_HEX_MAX];
	struct manifest_entry line = {
		.type = types[en->type], .path = en->path, .mode = en->mode,
		.size = en->size, .mtime = en->mtime, .target = en->target,
	};

	if (!u->manifest)
		return 0;
	if (en->type == ENTRY_FILE) {
		unpack_digest_hole(u, en->size);
		line.sha256 = digest_hex(u->digest, sha256);
	}
	return manifest_add(u->manifest, &line, e);
}

/* The data of the current entry; fd -1: only read past it. */
static int unpack_data(struct unpack *u, int fd, const char *path,
		       struct error *e)
{
	const void *p;
	uint64_t offset;
	size_t n;
	int r;

	while ((r = tar_data(u->tar, &p, &n, &offset, e)) == 0) {
		if (fd >= 0) {
			unpack_digest_add(u, p, n, offset);
			r = unpack_write(fd, p, n, offset, path, e);
		}
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

static int unpack_file(struct unpack *u, const struct entry_verdict *en,
		       const char *name, struct error *e)
{
	auto_close int fd = openat(u->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL |
				   O_NOFOLLOW | O_CLOEXEC, 0600);
	struct timespec t[2] = { en->mtime, en->mtime };
	int r;

	if (fd < 0)
		return error_sys(e, "create %s", en->path);
	r = unpack_digest_begin(u, e);
	if (r >= 0)
		r = unpack_data(u, fd, en->path, e);
	if (r < 0)
		return r;
	if (ftruncate(fd, (off_t)en->size) < 0)	/* a hole may be last */
		return error_sys(e, "write %s", en->path);
	if (fchmod(fd, en->mode) < 0)
		return error_sys(e, "change the mode of %s", en->path);
	if (futimens(fd, t) < 0)
		return error_sys(e, "set the time of %s", en->path);
	return unpack_record(u, en, e);
}

static int unpack_hardlink(struct unpack *u, const struct entry_verdict *en,
			   const char *name, struct error *e)
{
	const char *slash = strrchr(en->target, '/');
	auto_free char *dir = xstrndup(en->target, (size_t)(slash - en->target));
	auto_close int fd = file_open_beneath(u->tree_fd, dir, O_PATH |
					      O_DIRECTORY | O_NOFOLLOW, 0, e);

	if (fd < 0)
		return fd;
	if (linkat(fd, slash + 1, u->dir_fd, name, 0) < 0)
		return error_sys(e, "link %s to %s", en->path, en->target);
	return unpack_record(u, en, e);
}

static int unpack_symlink(struct unpack *u, const struct entry_verdict *en,
			  const char *name, struct error *e)
{
	struct timespec t[2] = { en->mtime, en->mtime };

	if (symlinkat(en->target, u->dir_fd, name) < 0)
		return error_sys(e, "create link %s", en->path);
	if (utimensat(u->dir_fd, name, t, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "set the time of %s", en->path);
	return unpack_record(u, en, e);
}

static int unpack_make(struct unpack *u, const struct entry_verdict *en,
		       int admitted, struct error *e)
{
	const char *name;
	int r;

	if (admitted == TREE_SAME)
		return 0;
	if (str_eq(en->path, "app")) {
		if (mkdirat(u->tree_fd, "app", 0700) < 0)
			return error_sys(e, "create directory app");
		return 0;
	}
	r = unpack_enter(u, en->path, &name, e);
	if (r < 0)
		return r;
	if (admitted == TREE_REPLACES && unlinkat(u->dir_fd, name, 0) < 0)
		return error_sys(e, "replace %s", en->path);

	switch (en->type) {
	case ENTRY_DIRECTORY:
		if (mkdirat(u->dir_fd, name, 0700) < 0)
			return error_sys(e, "create directory %s", en->path);
		return 0;
	case ENTRY_FILE:
		return unpack_file(u, en, name, e);
	case ENTRY_HARDLINK:
		return unpack_hardlink(u, en, name, e);
	case ENTRY_SYMLINK:
		return unpack_symlink(u, en, name, e);
	}
	return 0;
}

static int unpack_record_dir(struct unpack *u, const struct tree_directory *d,
			     struct error *e)
{
	const struct manifest_entry line = {
		.type = MANIFEST_DIRECTORY, .path = d->path, .mode = d->mode,
		.mtime = d->mtime,
	};

	return u->manifest ? manifest_add(u->manifest, &line, e) : 0;
}

/* A directory may forbid writing, and each file in it changes its time: so
 * both come last, children before parents. */
static int unpack_finish_dirs(struct unpack *u, struct error *e)
{
	auto_free struct tree_directory *v = tree_directories(&u->tree);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < u->tree.n_directories; i++) {
		struct timespec t[2] = { v[i].mtime, v[i].mtime };
		auto_close int fd = file_open_beneath(u->tree_fd, v[i].path,
						      O_RDONLY | O_DIRECTORY |
						      O_NOFOLLOW, 0, e);

		if (fd < 0)
			return fd;
		if (fchmod(fd, v[i].mode) < 0)
			return error_sys(e, "change the mode of %s", v[i].path);
		if (v[i].mtime.tv_nsec != UTIME_OMIT && futimens(fd, t) < 0)
			return error_sys(e, "set the time of %s", v[i].path);
		r = unpack_record_dir(u, &v[i], e);
	}
	return r;
}

static int unpack_entry(struct unpack *u, const struct entry_claim *claim,
			struct entry_verdict *en, struct unpack_result *res,
			struct error *e)
{
	int r = entry_decide(claim, u->tree.limits, en, e);

	if (r != 0)
		return r < 0 ? r : unpack_data(u, -1, NULL, e);
	r = tree_add(&u->tree, en, e);
	if (r < 0)
		return r;
	res->entries++;
	res->bytes += en->size;
	if (u->tree_fd >= 0)
		r = unpack_make(u, en, r, e);
	/* Whatever was not written: links and directories may have data. */
	return r < 0 ? r : unpack_data(u, -1, NULL, e);
}

int unpack_run(const struct inflate_source *src, int tree_fd,
	       struct manifest_writer *manifest, struct unpack_result *ret,
	       struct error *e)
{
	auto_(unpack_deinit) struct unpack u = {
		.tree_fd = tree_fd, .manifest = manifest,
		.tree = TREE_INIT(src->limits), .dir_fd = -1,
	};
	auto_free struct entry_verdict *en = xmalloc(sizeof(*en));
	struct unpack_result res = { 0 };
	struct entry_claim claim;
	int r;

	r = tar_open(&u.tar, src, e);
	while (r >= 0 && (r = tar_next(u.tar, &claim, e)) == 0)
		r = unpack_entry(&u, &claim, en, &res, e);
	if (r < 0)
		return r;
	if (tree_is_empty(&u.tree))
		return error_set(e, EINVAL, "the archive holds nothing below"
				 " ./app");
	r = tree_fd < 0 ? 0 : unpack_finish_dirs(&u, e);
	if (r >= 0)
		r = tar_finish(u.tar, res.sha256, e);
	if (r < 0)
		return r;
	*ret = res;
	return 0;
}
