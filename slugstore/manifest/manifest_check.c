/*
 * manifest_check.c - the tree is walked, and each path looked up; what nobody
 * came by is missing.
 */
#include "base/error.h"
#include "slugstore/digest.h"
#include "slugstore/manifest/manifest_check.h"
#include "slugstore/manifest/manifest_index.h"
#include "slugstore/manifest/manifest_line.h"
#include "slugstore/unpack/entry.h"
#include "slugstore/unpack/walk.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>

#define MANIFEST_BLOCK (256 * 1024)

struct manifest_checker {
	const struct manifest_check *in;
	struct manifest_index *index;
	struct manifest_line *line;	/* of the path that is looked at */
	struct digest *digest;
	struct error *difference;
	uint64_t done;			/* bytes of files */
	uid_t uid;
	char *block;
};

/* "app/x: what". */
static int manifest_check_differs(struct manifest_checker *c, const char *path,
				  const char *what)
{
	char name[ENTRY_QUOTE_MAX];

	error_set(c->difference, EBADMSG, "\"%s\" %s", entry_quote(name, path),
		  what);
	return MANIFEST_DIFFERS;
}

/* What the disk no longer gives is damage; other failures say nothing. */
static int manifest_check_failed(struct manifest_checker *c, int r,
				 const struct error *e)
{
	if (r != -EIO && r != -EUCLEAN && r != -EBADMSG)
		return r;
	*c->difference = *e;
	return MANIFEST_DIFFERS;
}

/* ---- one path ---- */

/* Is this what the file system makes of it? */
static bool manifest_check_rounds(struct manifest_checker *c,
				  const struct timespec *want,
				  const struct timespec *have)
{
	const struct timespec t[2] = { *want, *want };
	auto_close int fd = openat(c->in->tree_fd, ".", O_TMPFILE | O_WRONLY |
				   O_CLOEXEC, 0600);
	struct stat st;

	return fd >= 0 && futimens(fd, t) == 0 && fstat(fd, &st) == 0 &&
	       st.st_mtim.tv_sec == have->tv_sec &&
	       st.st_mtim.tv_nsec == have->tv_nsec;
}

static bool manifest_check_time(struct manifest_checker *c,
				const struct timespec *have)
{
	const struct timespec *want = &c->line->entry.mtime;

	return want->tv_nsec == UTIME_OMIT ||
	       (want->tv_sec == have->tv_sec && want->tv_nsec == have->tv_nsec) ||
	       manifest_check_rounds(c, want, have);
}

static const char *manifest_check_stat(struct manifest_checker *c,
				       const struct walk_at *at)
{
	static const mode_t types[] = {
		[MANIFEST_DIRECTORY] = S_IFDIR, [MANIFEST_FILE] = S_IFREG,
		[MANIFEST_SYMLINK] = S_IFLNK,
	};
	const struct manifest_entry *en = &c->line->entry;
	const struct stat *st = &at->st;

	assert(en->type < ARRAY_SIZE(types));	/* no file's line is "h" */
	if ((st->st_mode & S_IFMT) != types[en->type])
		return "is of another type";
	if (st->st_uid != c->uid)
		return "has another owner";
	if (en->type != MANIFEST_SYMLINK && (st->st_mode & 07777) != en->mode)
		return "has another mode";
	if (en->type == MANIFEST_FILE && (uint64_t)st->st_size != en->size)
		return "has another size";
	if (!manifest_check_time(c, &st->st_mtim))
		return "has another time";
	return NULL;
}

static int manifest_check_link(struct manifest_checker *c,
			       const struct walk_at *at, struct error *e)
{
	char target[MANIFEST_PATH_MAX + 2];
	ssize_t n = readlinkat(at->dir_fd, at->name, target, sizeof(target));

	if (n < 0)
		return error_sys(e, "read link %s", at->name);
	if ((size_t)n != strlen(c->line->target) ||
	    memcmp(target, c->line->target, (size_t)n) != 0)
		return manifest_check_differs(c, at->path, "leads elsewhere");
	return 0;
}

static int manifest_check_bytes(struct manifest_checker *c,
				const struct walk_at *at, struct error *e)
{
	auto_close int fd = walk_open(at, e);
	char sha256[SHA256_HEX_MAX], name[ENTRY_QUOTE_MAX];
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, c->block, MANIFEST_BLOCK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "read \"%s\"",
					 entry_quote(name, at->path));
		digest_add(c->digest, c->block, (size_t)n);
		c->done += (uint64_t)n;
		if (c->in->on_progress)
			c->in->on_progress(c->done,
					   manifest_index_bytes(c->index),
					   c->in->userdata);
	}
	digest_hex(c->digest, sha256);
	return str_eq(sha256, c->line->sha256) ? 0 :
	       manifest_check_differs(c, at->path, "has other bytes");
}

/* Paths of one file have one inode, and this no other name. */
static const char *manifest_check_inode(struct manifest_file *f,
					const struct stat *st)
{
	if (f->is_directory)
		return NULL;
	if (f->inode && f->inode != st->st_ino)
		return "is not the hard link that it should be";
	if (st->st_nlink != f->links)
		return "has another number of hard links";
	return NULL;
}

static int manifest_check_one(struct manifest_checker *c,
			      struct manifest_file *f, const struct walk_at *at,
			      struct error *e)
{
	const char *fault = manifest_check_inode(f, &at->st);
	bool again = f->inode != 0;
	int r;

	if (fault)
		return manifest_check_differs(c, at->path, fault);
	if (again)
		return 0;
	f->inode = at->st.st_ino;
	r = manifest_reader_at(c->in->manifest_fd, f->offset, c->line, e);
	if (r < 0)
		return r;
	fault = manifest_check_stat(c, at);
	if (fault)
		return manifest_check_differs(c, at->path, fault);
	if (S_ISLNK(at->st.st_mode))
		return manifest_check_link(c, at, e);
	return S_ISREG(at->st.st_mode) ? manifest_check_bytes(c, at, e) : 0;
}

static bool manifest_check_is_ours(const struct walk_at *at)
{
	return !strchr(at->path, '/') && S_ISREG(at->st.st_mode) &&
	       (*at->path == '.' || str_eq(at->path, "image"));
}

/* Outcomes end the walk like errors: nothing behind the first difference is
 * looked at. */
static int on_manifest_check(const struct walk_at *at, void *userdata,
			     struct error *e)
{
	struct manifest_checker *c = userdata;
	struct manifest_file *f;

	if (manifest_check_is_ours(at))
		return 0;
	f = manifest_index_see(c->index, at->path);
	if (!f)
		return manifest_check_differs(c, at->path, "should not be there");
	return manifest_check_one(c, f, at, e);
}

/* ---- the whole ---- */

/* Name one that the walk did not come by. */
static int manifest_check_missing(struct manifest_checker *c, struct error *e)
{
	auto_(manifest_reader_free_p) struct manifest_reader *m =
		manifest_reader_new(c->in->manifest_fd);
	uint64_t offset;
	int r;

	while ((r = manifest_reader_next(m, c->line, &offset, e)) == 0)
		if (!manifest_index_is_seen(c->index, c->line->path))
			return manifest_check_differs(c, c->line->path,
						      "is missing");
	return r < 0 ? r : error_set(e, EBADMSG, "manifest: it has changed while"
				     " it was read");
}

static int manifest_check_run(struct manifest_checker *c, struct error *e)
{
	struct stat st;
	int r = manifest_index_new(&c->index, c->in->manifest_fd, e);

	if (r == 0)
		r = digest_new(&c->digest, e);
	if (r != 0)
		return r;
	if (fstat(c->in->tree_fd, &st) < 0)
		return error_sys(e, "look at the tree");
	c->uid = st.st_uid;
	r = walk_tree(c->in->tree_fd, on_manifest_check, c, e);
	if (r == 0 && manifest_index_unseen(c->index))
		r = manifest_check_missing(c, e);
	return r;
}

int manifest_check(const struct manifest_check *in, struct error *ret_difference,
		   struct error *e)
{
	struct manifest_checker c = {
		.in = in, .difference = ret_difference,
		.line = xmalloc(sizeof(*c.line)),
		.block = xmalloc(MANIFEST_BLOCK),
	};
	struct error own = { 0 };
	int r = manifest_check_failed(&c, manifest_check_run(&c, &own), &own);

	if (r < 0)
		r = error_set(e, own.code, "%s", own.msg);
	manifest_index_free(c.index);
	digest_free(c.digest);
	free(c.line);
	free(c.block);
	return r;
}

bool manifest_check_end(int fd)
{
	char text[MANIFEST_LAST_BYTES + 1];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return false;
	if (st.st_size == 0)
		return true;
	if (st.st_size < (off_t)sizeof(text))
		return false;
	n = pread(fd, text, sizeof(text), st.st_size - (off_t)sizeof(text));
	/* The newline of the line before, and its own. */
	if (n != sizeof(text) || text[0] != '\n' || text[n - 1] != '\n')
		return false;
	text[n - 1] = '\0';
	return str_after(text + 1, MANIFEST_LAST) &&
	       id_is_sha256(text + 1 + strlen(MANIFEST_LAST));
}
