/*
 * seccomp_cache.c - compiled profiles in files.
 *
 * The directory is its owner's alone; a file is believed if it is the owner's
 * too and whole. The check sum is against accidents (a torn write after a power
 * cut), and the kernel verifies every program by itself.
 */
#include "base/buf.h"
#include "base/file.h"
#include "runtime/filter/seccomp.h"
#include "runtime/filter/seccomp_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>

#define CACHE_PREFIX "seccomp-"
#define CACHE_NAME_MAX (sizeof(CACHE_PREFIX) + 16)
#define CACHE_KEY_MAX (16 * 1024 * 1024)

struct cache_head {
	char magic[8];
	uint64_t sum;			/* of all that follows */
	uint32_t key_len, n_insns;
	uint32_t flags, listener;
};

/* Of the file, and of what this program makes of a profile: another one must
 * not read what the present one wrote. */
static const char cache_magic[8] = "scmpbpf2";

static uint64_t cache_sum(uint64_t h, const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t w;

	for (; n > 0; p += sizeof(w)) {
		size_t m = n < sizeof(w) ? n : sizeof(w);

		w = 0;
		memcpy(&w, p, m);
		h = (h ^ w ^ m) * 0x9e3779b97f4a7c15;
		h ^= h >> 29;
		n -= m;
	}
	return h;
}

static uint64_t cache_sum_all(const struct cache_head *h, const void *key,
			      const void *code)
{
	const size_t from = offsetof(struct cache_head, key_len);
	uint64_t sum = cache_sum(0, (const char *)h + from, sizeof(*h) - from);

	sum = cache_sum(sum, key, h->key_len);
	return cache_sum(sum, code, h->n_insns * sizeof(struct sock_filter));
}

/* ---- the key ---- */

static void cache_add_number(struct buf *b, uint64_t n)
{
	buf_add(b, &n, sizeof(n));
}

/* None, "" and "a" "b" against "ab": all different. */
static void cache_add_text(struct buf *b, const char *s)
{
	buf_add(b, s ? "+" : "-", 1);
	if (s)
		buf_add(b, s, strlen(s) + 1);
}

static void cache_add_texts(struct buf *b, const char *const *v, size_t n)
{
	cache_add_number(b, n);
	for (size_t i = 0; i < n; i++)
		cache_add_text(b, v[i]);
}

static void cache_add_rule(struct buf *b, const struct seccomp_rule *r)
{
	cache_add_texts(b, r->names, r->n_names);
	cache_add_text(b, r->action);
	cache_add_number(b, r->has_errno);
	cache_add_number(b, r->has_errno ? r->errno_ret : 0);
	cache_add_number(b, r->n_args);
	for (size_t i = 0; i < r->n_args; i++) {
		cache_add_number(b, r->args[i].index);
		cache_add_number(b, r->args[i].value);
		cache_add_number(b, r->args[i].value_two);
		cache_add_text(b, r->args[i].op);
	}
}

void seccomp_cache_key(struct buf *b, const struct seccomp_profile *p)
{
	const struct scmp_version *v = seccomp_version();

	cache_add_number(b, seccomp_arch_native());
	cache_add_number(b, v->major);
	cache_add_number(b, v->minor);
	cache_add_number(b, v->micro);
	cache_add_text(b, p->default_action);
	cache_add_number(b, p->has_default_errno);
	cache_add_number(b, p->has_default_errno ? p->default_errno : 0);
	cache_add_texts(b, p->arches, p->n_arches);
	cache_add_texts(b, p->flags, p->n_flags);
	/* Where the descriptor goes makes no other program. */
	cache_add_number(b, p->listener_path != NULL);
	cache_add_number(b, p->listener_metadata != NULL);
	cache_add_number(b, p->n_rules);
	for (size_t i = 0; i < p->n_rules; i++)
		cache_add_rule(b, &p->rules[i]);
}

static void cache_name(char out[CACHE_NAME_MAX], const struct buf *key)
{
	snprintf(out, CACHE_NAME_MAX, CACHE_PREFIX "%016" PRIx64,
		 cache_sum(0, key->data, key->len));
}

/* ---- reading ---- */

static int cache_open_dir(const char *dir)
{
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int cache_open(int dirfd, const struct buf *key)
{
	char name[CACHE_NAME_MAX];

	cache_name(name, key);
	return openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

static bool cache_is_ours(int fd, struct stat *st)
{
	return fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
	       st->st_uid == geteuid() && !(st->st_mode & 077);
}

static bool cache_is_whole(const struct cache_head *h, size_t size,
			   const struct buf *key)
{
	if (memcmp(h->magic, cache_magic, sizeof(cache_magic)) != 0 ||
	    h->key_len != key->len || h->n_insns == 0 || h->n_insns > BPF_MAXINSNS)
		return false;
	return size == sizeof(*h) + key->len +
		       h->n_insns * sizeof(struct sock_filter);
}

bool seccomp_cache_load(const char *dir, const struct buf *key,
			struct seccomp_filter *ret)
{
	auto_close int dirfd = cache_open_dir(dir);
	auto_close int fd = dirfd < 0 ? -1 : cache_open(dirfd, key);
	auto_free char *bytes = NULL;
	const char *file_key, *code;
	struct cache_head h;
	struct stat st;
	size_t size;

	if (fd < 0 || !cache_is_ours(fd, &st) || (size_t)st.st_size < sizeof(h) ||
	    st.st_size > CACHE_KEY_MAX + (off_t)BPF_MAXINSNS * 8)
		return false;
	size = (size_t)st.st_size;
	bytes = xmalloc(size);
	if (read(fd, bytes, size) != st.st_size)
		return false;
	memcpy(&h, bytes, sizeof(h));
	if (!cache_is_whole(&h, size, key))
		return false;
	file_key = bytes + sizeof(h);
	code = file_key + h.key_len;
	if (memcmp(file_key, key->data, key->len) != 0 ||
	    h.sum != cache_sum_all(&h, file_key, code))
		return false;
	*ret = (struct seccomp_filter){
		.prog = {
			.len = (unsigned short)h.n_insns,
			.filter = xmemdup(code, h.n_insns * sizeof(struct sock_filter)),
		},
		.flags = h.flags, .listener = h.listener,
	};
	return true;
}

/* ---- writing ---- */

/* One more than the limit lets the oldest go; temporary files of those who
 * died while they wrote are no exception. */
static void cache_shrink(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char oldest[NAME_MAX + 1] = "";
	struct timespec when = { 0 };
	size_t n = 0;
	struct stat st;

	if (!d) {
		fd_close(fd);
		return;
	}
	for (struct dirent *de; (de = readdir(d));) {
		if (!str_after(de->d_name, CACHE_PREFIX) ||
		    fstatat(dirfd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (n++ > 0 && (st.st_mtim.tv_sec > when.tv_sec ||
				(st.st_mtim.tv_sec == when.tv_sec &&
				 st.st_mtim.tv_nsec >= when.tv_nsec)))
			continue;
		when = st.st_mtim;
		snprintf(oldest, sizeof(oldest), "%s", de->d_name);
	}
	closedir(d);
	if (n > SECCOMP_CACHE_FILES_MAX)
		unlinkat(dirfd, oldest, 0);
}

void seccomp_cache_store(const char *dir, const struct buf *key,
			 const struct seccomp_filter *f)
{
	struct cache_head h = {
		.key_len = (uint32_t)key->len, .n_insns = f->prog.len,
		.flags = f->flags, .listener = f->listener,
	};
	auto_buf bytes = BUF_INIT;
	char name[CACHE_NAME_MAX];
	auto_close int dirfd = -1;

	if (key->len > CACHE_KEY_MAX)
		return;
	mkdir(dir, 0700);
	dirfd = cache_open_dir(dir);
	if (dirfd < 0)
		return;
	memcpy(h.magic, cache_magic, sizeof(h.magic));
	h.sum = cache_sum_all(&h, key->data, f->prog.filter);
	buf_add(&bytes, &h, sizeof(h));
	buf_add(&bytes, key->data, key->len);
	buf_add(&bytes, f->prog.filter, f->prog.len * sizeof(struct sock_filter));
	cache_name(name, key);
	if (file_write_fast(dirfd, name, bytes.data, bytes.len, 0600, NULL) == 0)
		cache_shrink(dirfd);
}
