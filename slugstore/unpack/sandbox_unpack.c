/*
 * sandbox_unpack.c - the job, and the look at what it leaves.
 */
#include "base/error.h"
#include "slugstore/digest.h"
#include "slugstore/manifest/manifest.h"
#include "slugstore/unpack/entry.h"
#include "slugstore/unpack/inflate.h"
#include "slugstore/unpack/limits.h"
#include "slugstore/unpack/sandbox.h"
#include "slugstore/unpack/sandbox_unpack.h"
#include "slugstore/unpack/unpack.h"
#include "slugstore/unpack/walk.h"

#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>

/* Beside the 64 MiB that unpacking may take: stacks of threads, and what the
 * allocator has not given back. */
#define SANDBOX_MEMORY (96ULL * 1024 * 1024)
#define SANDBOX_SECONDS_MORE 2		/* the child's own message is clearer */
#define SANDBOX_HASH_BLOCK (1024 * 1024)

struct sandbox_job {
	const struct inflate_source *src;
	int tree_fd, manifest_fd;
	struct digest *digest;		/* the parent's */
	uint64_t hashed;
	char *block;
};

/* ---- in the child ---- */

static int sandbox_unpack_inside(struct sandbox_inside *in, void *userdata,
				 void *result, struct error *e)
{
	const struct sandbox_job *job = userdata;
	auto_(manifest_writer_free_p) struct manifest_writer *w = NULL;
	struct inflate_source src = *job->src;
	struct unpack_result res;
	int r = 0;

	src.on_progress = sandbox_progress;
	src.userdata = in;
	if (job->manifest_fd >= 0)
		r = manifest_writer_new(&w, job->manifest_fd, e);
	if (r >= 0)
		r = unpack_run(&src, job->tree_fd, w, &res, e);
	if (r >= 0 && w)
		r = manifest_finish(w, e);
	if (r >= 0)
		memcpy(result, &res, sizeof(res));
	return r;
}

/* ---- in the parent ---- */

/* A block of the file: 1, or 0 at its end. */
static int sandbox_unpack_hash(void *userdata, struct error *e)
{
	struct sandbox_job *job = userdata;
	ssize_t n;

	do
		n = pread(job->src->fd, job->block, SANDBOX_HASH_BLOCK,
			  (off_t)job->hashed);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_sys(e, "read the slug file");
	digest_add(job->digest, job->block, (size_t)n);
	job->hashed += (uint64_t)n;
	return n > 0;
}

struct sandbox_look {
	const struct limits *limits;
	struct stat manifest;
	uint64_t n;
	bool has_app;
};

/* All but what a tree may hold. */
static const char *sandbox_look_fault(struct sandbox_look *l,
				      const struct walk_at *at)
{
	const mode_t mode = at->st.st_mode;

	if (str_eq(at->path, ".ok"))
		return at->st.st_ino == l->manifest.st_ino ? NULL : "is another";
	if (str_eq(at->path, "app"))
		l->has_app = S_ISDIR(mode);
	else if (!str_after(at->path, "app/"))
		return "is beside app";
	if (!S_ISDIR(mode) && !S_ISREG(mode) && !S_ISLNK(mode))
		return "is a special file";
	if (mode & (S_ISUID | S_ISGID))
		return "has a setuid or setgid bit";
	return ++l->n > l->limits->entries ? "is one too many" : NULL;
}

static int on_sandbox_look(const struct walk_at *at, void *userdata,
			   struct error *e)
{
	char name[ENTRY_QUOTE_MAX];
	const char *fault = sandbox_look_fault(userdata, at);

	return fault ? error_set(e, EPROTO, "the sandbox made something else"
				 " than a slug: \"%s\" %s",
				 entry_quote(name, at->path), fault) : 0;
}

int sandbox_look(int tree_fd, int manifest_fd, const struct limits *limits,
		 bool has_app, struct error *e)
{
	struct sandbox_look l = { .limits = limits };
	int r;

	if (manifest_fd >= 0 && fstat(manifest_fd, &l.manifest) < 0)
		return error_sys(e, "look at the manifest");
	r = walk_tree(tree_fd, on_sandbox_look, &l, e);
	if (r >= 0 && l.has_app != has_app)
		return error_set(e, EPROTO, "the sandbox made %s app",
				 l.has_app ? "an" : "no");
	return r;
}

/* Whether it is an image can be told without the child. */
static int sandbox_unpack_look(const struct sandbox_job *job,
			       const struct unpack_result *res, struct error *e)
{
	enum image_kind image;
	int r = image_probe(job->src->fd, &image, e);

	if (r < 0)
		return r;
	if (image != res->image)
		return error_set(e, EPROTO, "what ran in the sandbox mistook the"
				 " kind of the slug");
	if (job->tree_fd < 0)
		return 0;
	return sandbox_look(job->tree_fd, job->manifest_fd, job->src->limits,
			    image == IMAGE_NONE, e);
}

static int sandbox_unpack_check(const struct unpack_result *res,
				const struct limits *l, struct error *e)
{
	if (res->entries <= l->entries && res->bytes <= l->total_bytes &&
	    res->image <= IMAGE_SQUASHFS)
		return 0;
	return error_set(e, EPROTO, "what ran in the sandbox spoke nonsense");
}

static int sandbox_unpack_job(struct sandbox_job *job,
			      struct unpack_result *ret, struct error *e)
{
	const struct limits *l = job->src->limits;
	struct sandbox_spec spec = {
		.dir_fd = job->tree_fd,
		.fds = { job->src->fd, job->manifest_fd },
		.n_fds = job->manifest_fd < 0 ? 1 : 2,
		.memory_bytes = SANDBOX_MEMORY, .file_bytes = l->file_bytes,
		.seconds = l->seconds + SANDBOX_SECONDS_MORE,
		.run = sandbox_unpack_inside, .result_n = sizeof(*ret),
		.on_progress = job->src->on_progress,
		.on_progress_userdata = job->src->userdata,
		.meanwhile = sandbox_unpack_hash, .userdata = job,
	};
	/* Read now what could not be read inside: it is kept while in use. */
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	struct unpack_result res;
	int r = sandbox_run(&spec, &res, e);

	if (utf8)
		freelocale(utf8);
	if (r >= 0)
		r = sandbox_unpack_check(&res, l, e);
	if (r >= 0)
		r = sandbox_unpack_look(job, &res, e);
	if (r < 0)
		return r;
	digest_hex(job->digest, res.sha256);
	*ret = res;
	return 0;
}

int sandbox_unpack(const struct inflate_source *src, int tree_fd,
		   int manifest_fd, struct unpack_result *ret, struct error *e)
{
	struct sandbox_job job = {
		.src = src, .tree_fd = tree_fd, .manifest_fd = manifest_fd,
	};
	int r;

	_Static_assert(sizeof(*ret) <= SANDBOX_RESULT_MAX, "result too large");
	assert(tree_fd >= 0 || manifest_fd < 0);
	r = digest_new(&job.digest, e);
	if (r < 0)
		return r;
	job.block = xmalloc(SANDBOX_HASH_BLOCK);
	r = sandbox_unpack_job(&job, ret, e);
	free(job.block);
	digest_free(job.digest);
	return r;
}
