#include "runtime/cgroup/cgroup_tree.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define TEXT_MAX (64 * 1024)
#define DEPTH_MAX 32
#define REMOVE_PAUSE_MSEC 2

static const struct {
	const char *name;
	unsigned bit;
} controllers[] = {
	{ "memory",     CGROUP_MEMORY },
	{ "cpu",        CGROUP_CPU },
	{ "cpuacct",    CGROUP_CPUACCT },
	{ "pids",       CGROUP_PIDS },
	{ "freezer",    CGROUP_FREEZER },
	{ "devices",    CGROUP_DEVICES },
	{ "cpuset",     CGROUP_CPUSET },
	{ "blkio",      CGROUP_BLKIO },
	{ "io",         CGROUP_BLKIO },
	{ "hugetlb",    CGROUP_HUGETLB },
	{ "net_cls",    CGROUP_NET_CLS },
	{ "net_prio",   CGROUP_NET_PRIO },
	{ "perf_event", CGROUP_PERF },
	{ "rdma",       CGROUP_RDMA },
	{ "misc",       CGROUP_MISC },
};

const char *cgroup_tree_names(unsigned mask, char out[CGROUP_NAMES_MAX])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		if (!(mask & controllers[i].bit) || len >= CGROUP_NAMES_MAX)
			continue;
		mask &= ~controllers[i].bit;
		len += (size_t)snprintf(out + len, CGROUP_NAMES_MAX - len, "%s%s",
					len ? ", " : "", controllers[i].name);
	}
	return out;
}

unsigned cgroup_tree_mask(const char *names)
{
	unsigned mask = 0;

	while (*names) {
		size_t n = strcspn(names, ", \n");

		for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
			if (strlen(controllers[i].name) == n &&
			    strncmp(controllers[i].name, names, n) == 0)
				mask |= controllers[i].bit;
		names += n;
		names += strspn(names, ", \n");
	}
	return mask;
}

int cgroup_tree_open(struct cgroup_tree *t, unsigned mask, const char *base,
		     const char *prefix, struct error *e)
{
	*t = CGROUP_TREE_INIT;
	t->controllers = mask;
	t->path = xasprintf("%s/%s", base, prefix);
	if (mkdir(t->path, 0755) < 0 && errno != EEXIST)
		return error_sys(e, "create cgroup %s", t->path);
	t->parent_fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->parent_fd < 0)
		return error_sys(e, "open cgroup %s", t->path);
	return 0;
}

int cgroup_tree_open_root(struct cgroup_tree *t, unsigned mask,
			  const char *mount, struct error *e)
{
	*t = CGROUP_TREE_INIT;
	t->controllers = mask;
	t->path = xstrdup(mount);
	t->parent_fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t->parent_fd < 0 ? error_sys(e, "open cgroup %s", mount) : 0;
}

void cgroup_tree_deinit(struct cgroup_tree *t)
{
	t->parent_fd = fd_close(t->parent_fd);
	free(t->path);
	t->path = NULL;
}

int cgroup_tree_make(struct cgroup_tree *t, const char *leaf, struct error *e)
{
	if (mkdirat(t->parent_fd, leaf, 0755) < 0)
		return error_sys(e, "create cgroup %s/%s", t->path, leaf);
	return 0;
}

int cgroup_tree_leaf(const struct cgroup_tree *t, const char *leaf, int *ret_fd,
		     struct error *e)
{
	int fd = openat(t->parent_fd, leaf, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return CGROUP_ABSENT;
	if (fd < 0)
		return error_sys(e, "open cgroup %s/%s", t->path, leaf);
	*ret_fd = fd;
	return 0;
}

/* ---- walking ---- */

/* Control files are not directories, so d_type tells groups from them. */
static int tree_children(int fd, struct strv *ret, struct error *e)
{
	int dup_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = dup_fd < 0 ? NULL : fdopendir(dup_fd);
	struct dirent *de;

	if (!d) {
		int r = error_sys(e, "read a cgroup");

		fd_close(dup_fd);
		return r;
	}
	while ((de = readdir(d)))
		if (de->d_type == DT_DIR && de->d_name[0] != '.')
			strv_add(ret, de->d_name);
	closedir(d);
	return 0;
}

static int tree_walk(int root_fd, const char *path, unsigned depth,
		     struct strv *ret, struct error *e)
{
	auto_close int fd = openat(root_fd, path,
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_strv names = STRV_INIT;
	int r;

	if (fd < 0 && errno == ENOENT)
		return 0;		/* removed meanwhile */
	if (fd < 0)
		return error_sys(e, "open cgroup %s", path);
	if (depth > DEPTH_MAX || ret->n >= CGROUP_GROUPS_MAX)
		return error_set(e, ELOOP, "cgroup %s: too many groups", path);
	r = tree_children(fd, &names, e);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		auto_free char *sub = xasprintf("%s/%s", path, names.v[i]);

		r = tree_walk(root_fd, sub, depth + 1, ret, e);
	}
	if (r >= 0)
		strv_add(ret, path);
	return r;
}

/* Two links are its name and ".": nothing to walk through. */
int cgroup_tree_groups(int fd, struct strv *ret, struct error *e)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_nlink == 2) {
		strv_add(ret, ".");
		return 0;
	}
	return tree_walk(fd, ".", 0, ret, e);
}

int cgroup_tree_list(const struct cgroup_tree *t, struct strv *ret,
		     struct error *e)
{
	auto_strv names = STRV_INIT;
	int r = tree_children(t->parent_fd, &names, e);

	for (size_t i = 0; r >= 0 && i < names.n; i++)
		if (!strv_has(ret, names.v[i]))
			strv_add(ret, names.v[i]);
	return r;
}

/* ---- removing ---- */

static int tree_rmdir(int dirfd, const char *path, uint64_t until)
{
	struct timespec pause = { .tv_nsec = REMOVE_PAUSE_MSEC * 1000000L };

	for (;;) {
		if (unlinkat(dirfd, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY || clock_mono_usec() >= until)
			return -1;
		nanosleep(&pause, NULL);
	}
}

int cgroup_tree_remove(struct cgroup_tree *t, const char *leaf,
		       unsigned wait_msec, struct error *e)
{
	uint64_t until = clock_mono_usec() + wait_msec * USEC_PER_MSEC;
	auto_strv groups = STRV_INIT;
	auto_close int fd = -1;
	int r;

	/* Nearly always it is empty by now. */
	if (unlinkat(t->parent_fd, leaf, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	r = cgroup_tree_leaf(t, leaf, &fd, e);
	if (r == CGROUP_ABSENT)
		return 0;
	if (r < 0)
		return r;
	r = cgroup_tree_groups(fd, &groups, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i + 1 < groups.n; i++)
		if (tree_rmdir(fd, groups.v[i], until) < 0)
			return error_sys(e, "remove cgroup %s/%s/%s", t->path,
					 leaf, groups.v[i]);
	if (tree_rmdir(t->parent_fd, leaf, until) < 0)
		return error_sys(e, "remove cgroup %s/%s", t->path, leaf);
	return 0;
}

int cgroup_tree_wipe(struct cgroup_tree *t, struct error *e)
{
	if (rmdir(t->path) < 0 && errno != ENOENT)
		return error_sys(e, "remove cgroup %s", t->path);
	return 0;
}

/* ---- control files ---- */

int cgroup_tree_write(int fd, const char *file, const char *text,
		      struct error *e)
{
	auto_close int out = openat(fd, file, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);

	if (out < 0)
		return error_sys(e, "open %s", file);
	if (write(out, text, n) != (ssize_t)n)
		return error_sys(e, "write \"%s\" to %s", text, file);
	return 0;
}

int cgroup_tree_read(int fd, const char *file, uint64_t *ret, struct error *e)
{
	auto_buf text = BUF_INIT;
	unsigned long long x;
	int r = file_read(fd, file, TEXT_MAX, &text, e);

	if (r < 0)
		return r;
	if (sscanf(buf_str(&text), "%llu", &x) != 1)
		return error_set(e, EIO, "%s: not a number", file);
	*ret = x;
	return 0;
}

static bool tree_find_key(const char *text, const char *key, uint64_t *ret)
{
	size_t n = strlen(key);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		unsigned long long x;

		p += *p == '\n';
		if (strncmp(p, key, n) == 0 && p[n] == ' ' &&
		    sscanf(p + n, " %llu", &x) == 1) {
			*ret = x;
			return true;
		}
	}
	return false;
}

int cgroup_tree_read_key(int fd, const char *file, const char *key,
			 uint64_t *ret, struct error *e)
{
	auto_buf text = BUF_INIT;
	int r = file_read(fd, file, TEXT_MAX, &text, e);

	if (r < 0)
		return r;
	return tree_find_key(buf_str(&text), key, ret) ? 0 :
	       error_set(e, ENOENT, "%s: no \"%s\"", file, key);
}

void cgroup_tree_read_keys(int fd, const char *file,
			   const struct cgroup_tree_key *keys, size_t n)
{
	auto_buf text = BUF_INIT;

	if (file_read(fd, file, TEXT_MAX, &text, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		tree_find_key(buf_str(&text), keys[i].key, keys[i].ret);
}
