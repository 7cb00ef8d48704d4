#include "runtime/stack_copy.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/stat.h>

#define DEPTH_MAX 8
#define FNV_START 14695981039346656037ULL
#define FNV_PRIME 1099511628211ULL

/* Names in /etc (patterns); directories come with all that is in them. */
static const char *const stack_names[] = {
	"alternatives", "debian_version", "fonts", "gai.conf", "host.conf",
	"inputrc", "java-*-openjdk", "ld.so.cache", "ld.so.conf",
	"ld.so.conf.d", "localtime", "magic", "magic.mime", "mime.types",
	"os-release", "protocols", "python3*", "rpc", "services", "terminfo",
	"timezone",
};

/* In /etc/ssl: never the private keys. */
static const char *const stack_ssl_names[] = { "certs", "openssl.cnf" };

uint64_t stack_copy_fold(uint64_t hash, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ p[i]) * FNV_PRIME;
	return hash;
}

static void copy_fold(struct stack_copy *c, const struct stack_entry *s,
		      const struct stat *st)
{
	int64_t facts[] = { st->st_mode, S_ISREG(st->st_mode) ? st->st_size : 0,
			    S_ISREG(st->st_mode) ? st->st_mtim.tv_sec : 0,
			    S_ISREG(st->st_mode) ? st->st_mtim.tv_nsec : 0 };
	uint64_t h = c->fingerprint;

	h = stack_copy_fold(h, s->path, strlen(s->path) + 1);
	if (s->target)
		h = stack_copy_fold(h, s->target, strlen(s->target) + 1);
	c->fingerprint = stack_copy_fold(h, facts, sizeof(facts));
}

/* ---- collecting ---- */

static int copy_names(int dirfd, const char *path, struct strv *ret,
		      struct error *e)
{
	struct dirent **list = NULL;
	int n = scandirat(dirfd, path, &list, NULL, alphasort);

	if (n < 0)
		return error_sys(e, "read directory /etc/%s", path);
	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.')
			strv_add(ret, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return 0;
}

static int copy_add(struct stack_copy *c, int etc_fd, const char *path,
		    const struct stat *st, struct error *e)
{
	struct stack_entry s = { .path = xstrdup(path),
				 .mode = st->st_mode & (S_IFMT | 0755) };

	if (S_ISLNK(st->st_mode)) {
		char target[4096];
		ssize_t n = readlinkat(etc_fd, path, target, sizeof(target));

		if (n > 0 && (size_t)n < sizeof(target))
			s.target = xstrndup(target, (size_t)n);
	}
	c->v = xrealloc(c->v, (c->n + 1) * sizeof(*c->v));
	c->v[c->n++] = s;
	if (S_ISREG(st->st_mode))
		c->bytes += (uint64_t)st->st_size;
	copy_fold(c, &s, st);
	if (c->n > STACK_COPY_FILES_MAX || c->bytes > STACK_COPY_BYTES)
		return error_set(e, EFBIG, "the host's /etc/%s is too large for "
				 "the stack", path);
	return 0;
}

/* What everybody may read; links need no right. */
static bool copy_wanted(const struct stat *st)
{
	if (S_ISLNK(st->st_mode))
		return true;
	if (S_ISREG(st->st_mode))
		return (st->st_mode & S_IROTH) &&
		       st->st_size <= STACK_COPY_FILE_BYTES;
	return S_ISDIR(st->st_mode) &&
	       (st->st_mode & (S_IROTH | S_IXOTH)) == (S_IROTH | S_IXOTH);
}

static int copy_tree(struct stack_copy *c, int etc_fd, const char *path,
		     unsigned depth, struct error *e)
{
	auto_strv names = STRV_INIT;
	struct stat st;
	int r;

	if (fstatat(etc_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !copy_wanted(&st) || depth > DEPTH_MAX)
		return 0;
	r = copy_add(c, etc_fd, path, &st, e);
	if (r < 0 || !S_ISDIR(st.st_mode))
		return r;
	r = copy_names(etc_fd, path, &names, e);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		auto_free char *sub = xasprintf("%s/%s", path, names.v[i]);

		r = copy_tree(c, etc_fd, sub, depth + 1, e);
	}
	return r;
}

static bool copy_listed(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(stack_names); i++)
		if (fnmatch(stack_names[i], name, 0) == 0)
			return true;
	return false;
}

static int copy_ssl(struct stack_copy *c, int etc_fd, struct error *e)
{
	struct stat st;
	int r;

	if (fstatat(etc_fd, "ssl", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISDIR(st.st_mode))
		return 0;
	r = copy_add(c, etc_fd, "ssl", &st, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(stack_ssl_names); i++) {
		auto_free char *path = xasprintf("ssl/%s", stack_ssl_names[i]);

		r = copy_tree(c, etc_fd, path, 0, e);
	}
	return r;
}

int stack_copy_collect(struct stack_copy *c, int etc_fd, struct error *e)
{
	auto_strv names = STRV_INIT;
	int r = copy_names(etc_fd, ".", &names, e);

	c->fingerprint = FNV_START;
	for (size_t i = 0; r >= 0 && i < names.n; i++)
		if (copy_listed(names.v[i]))
			r = copy_tree(c, etc_fd, names.v[i], 0, e);
	return r < 0 ? r : copy_ssl(c, etc_fd, e);
}

void stack_copy_deinit(struct stack_copy *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].path);
		free(c->v[i].target);
	}
	free(c->v);
	*c = STACK_COPY_INIT;
}

/* ---- writing ---- */

static int copy_file(const char *path, int etc_fd, int to_fd, mode_t mode,
		     struct error *e)
{
	auto_close int in = openat(etc_fd, path, O_RDONLY | O_NOFOLLOW |
				   O_NONBLOCK | O_CLOEXEC);
	auto_close int out = -1;
	auto_free char *self = NULL;
	auto_buf data = BUF_INIT;
	struct stat st;
	int r;

	if (in < 0 && errno == ENOENT)
		return 0;		/* removed meanwhile */
	if (in < 0 || fstat(in, &st) < 0)
		return error_sys(e, "open /etc/%s", path);
	if (!S_ISREG(st.st_mode) || !copy_wanted(&st))
		return 0;		/* replaced meanwhile */
	self = xasprintf("/proc/self/fd/%d", in);
	r = file_read(AT_FDCWD, self, STACK_COPY_FILE_BYTES, &data, e);
	if (r < 0)
		return r;
	out = openat(to_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
		     O_CLOEXEC, 0600);
	if (out < 0)
		return error_sys(e, "create %s", path);
	r = file_write_all(out, data.data, data.len, e);
	if (r >= 0 && fchmod(out, mode & 07777) < 0)
		r = error_sys(e, "change the mode of %s", path);
	return r;
}

int stack_copy_write(const struct stack_copy *c, int etc_fd, int to_fd,
		     struct error *e)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct stack_entry *s = &c->v[i];
		int r = 0;

		if (S_ISDIR(s->mode)) {
			if (mkdirat(to_fd, s->path, 0700) < 0 ||
			    fchmodat(to_fd, s->path, 0755, 0) < 0)
				r = error_sys(e, "create %s", s->path);
		} else if (s->target) {
			if (symlinkat(s->target, to_fd, s->path) < 0)
				r = error_sys(e, "create link %s", s->path);
		} else if (S_ISREG(s->mode)) {
			r = copy_file(s->path, etc_fd, to_fd, s->mode, e);
		}
		if (r < 0)
			return r;
	}
	return 0;
}
