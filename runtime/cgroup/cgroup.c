/*
 * cgroup.c - the face of both versions.
 *
 * A dyno's limits become struct resources, and go the way of a container's.
 */
#include "runtime/cgroup/cgroup.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "runtime/cgroup/cgroup_host.h"
#include "runtime/cgroup/cgroup_oom.h"
#include "runtime/cgroup/cgroup_process.h"
#include "runtime/cgroup/cgroup_settings.h"

#include <fcntl.h>
#include <stdio.h>

#define THREADS_TEXT_MAX (1024 * 1024)

int cgroup_host_open(struct cgroup_host **ret, const char *prefix,
		     struct error *e)
{
	struct cgroup_mounts mounts = CGROUP_MOUNTS_INIT;
	enum cgroup_version version;
	struct cgroup_host *h;
	int r;

	assert(*prefix && !strchr(prefix, '/'));
	r = cgroup_dirs_mounts(&mounts, &version, e);
	if (r < 0)
		return r;
	h = xcalloc(1, sizeof(*h));
	h->prefix = xstrdup(prefix);
	h->trees.version = h->facts.version = version;
	h->common = CGROUP_TREE_NONE;
	h->driver = version == CGROUP_V1 ? &cgroup_v1_driver
					 : &cgroup_v2_driver;
	r = h->driver->open(h, &mounts, e);
	cgroup_mounts_deinit(&mounts);
	if (r < 0) {
		cgroup_host_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

struct cgroup_host *cgroup_host_free(struct cgroup_host *h)
{
	if (!h)
		return NULL;
	cgroup_trees_deinit(&h->trees);
	free(h->prefix);
	free(h);
	return NULL;
}

enum cgroup_version cgroup_host_version(const struct cgroup_host *h)
{
	return h->trees.version;
}

bool cgroup_host_devices(const struct cgroup_host *h)
{
	return h->devices || h->leaf_devices;
}

/* Each tree is tried; the first failure is returned. */
int cgroup_host_wipe(struct cgroup_host *h, struct error *e)
{
	int r = 0;

	for (size_t i = 0; i < h->trees.n; i++) {
		int q = cgroup_tree_wipe(&h->trees.v[i], r < 0 ? NULL : e);

		r = r < 0 ? r : q;
	}
	return r;
}

/* ---- a leaf ---- */

static int cgroup_write(struct cgroup_host *h, const struct cgroup_dirs *dirs,
			const struct dyno_limits *limits, struct error *e)
{
	auto_cgroup_settings settings = CGROUP_SETTINGS_INIT("limit ");
	struct cgroup_current none = { .memory = 0 };
	struct cgroup_limits l;
	int r;

	cgroup_limits_fill(&l, limits, &h->facts);
	if (h->leaf_devices)
		l.resources.devices =
			cgroup_limits_devices(&l.resources.n_devices);
	r = h->trees.version == CGROUP_V1
		? cgroup_settings_v1(&settings, &l.resources, e)
		: cgroup_settings_v2(&settings, &l.resources, &none, e);
	return r < 0 ? r : cgroup_settings_write(&settings, dirs, e);
}

/* The leaf is there: limits, and the ways in. */
static int cgroup_furnish(struct cgroup_host *h, const char *uuid,
			  const struct dyno_limits *limits, struct cgroup *ret,
			  struct error *e)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	int r = cgroup_dirs_open(&dirs, &h->trees, 0, uuid, e);
	int fd;

	if (r == CGROUP_ABSENT)
		return error_set(e, ENOENT, "cgroup %s vanished", uuid);
	if (r == 0 && limits)
		r = cgroup_write(h, &dirs, limits, e);
	if (r == 0)
		r = cgroup_dirs_join(&dirs, ret, e);
	if (r < 0 || h->common == CGROUP_TREE_NONE)
		return r;
	fd = openat(h->trees.v[h->common].parent_fd, "tasks",
		    O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "open %s/tasks",
				 h->trees.v[h->common].path);
	ret->procs_fds[ret->n_procs_fds++] = fd;
	return 0;
}

int cgroup_create(struct cgroup_host *h, const char *uuid,
		  const struct dyno_limits *limits, struct cgroup *ret,
		  struct error *e)
{
	struct cgroup c = CGROUP_INIT;
	size_t made;
	int r = 0;

	for (made = 0; made < h->trees.n; made++) {
		if (made == h->common)
			continue;
		r = cgroup_tree_make(&h->trees.v[made], uuid, e);
		if (r < 0)
			break;
	}
	if (r >= 0)
		r = cgroup_furnish(h, uuid, limits, &c, e);
	if (r < 0) {
		/* Only what we made ourselves: a leaf that was there stays. */
		cgroup_deinit(&c);
		while (made > 0)
			cgroup_tree_remove(&h->trees.v[--made], uuid,
					   CGROUP_TREE_WAIT_MSEC, NULL);
		return r;
	}
	*ret = c;
	return 0;
}

int cgroup_limit(struct cgroup_host *h, const char *uuid,
		 const struct dyno_limits *limits, struct error *e)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	int r = cgroup_dirs_open(&dirs, &h->trees, 0, uuid, e);

	if (r == CGROUP_ABSENT)
		return error_set(e, ENOENT, "no cgroup %s", uuid);
	return r < 0 ? r : cgroup_write(h, &dirs, limits, e);
}

void cgroup_deinit(struct cgroup *c)
{
	c->dir_fd = fd_close(c->dir_fd);
	while (c->n_procs_fds > 0)
		fd_close(c->procs_fds[--c->n_procs_fds]);
}

int cgroup_list(struct cgroup_host *h, struct strv *ret, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < h->trees.n; i++)
		r = cgroup_tree_list(&h->trees.v[i], ret, e);
	return r;
}

int cgroup_kill(struct cgroup_host *h, const char *uuid, struct error *e)
{
	unsigned where = h->trees.version == CGROUP_V1 ? CGROUP_FREEZER
						       : CGROUP_UNIFIED;
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	int r = cgroup_dirs_open(&dirs, &h->trees, where, uuid, e);

	return r == CGROUP_ABSENT ? 0 : r < 0 ? r : cgroup_process_kill(&dirs, e);
}

int cgroup_stats(struct cgroup_host *h, const char *uuid,
		 struct cgroup_stats *ret, struct error *e)
{
	struct cgroup_stats s = { 0 };
	int r = h->driver->stats(h, uuid, &s, e);

	if (r >= 0)
		*ret = s;
	return r;
}

/* ---- watching ---- */

int cgroup_watch(struct cgroup_host *h, const char *uuid, struct cgroup_oom *ret,
		 struct error *e)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	int r = cgroup_dirs_open(&dirs, &h->trees, CGROUP_MEMORY, uuid, e);

	if (r == CGROUP_ABSENT)
		return error_set(e, ENOENT, "no cgroup %s", uuid);
	if (r == 0)
		r = cgroup_oom_open(ret, cgroup_dirs_fd(&dirs, CGROUP_MEMORY),
				    h->trees.version == CGROUP_V2, e);
	return error_prefix(e, r, "watch the memory of dyno %s", uuid);
}

/* "42 (any) name) R ..." */
static bool cgroup_thread_runs(const char *tid)
{
	char path[64];
	auto_buf text = BUF_INIT;
	const char *end;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", tid);
	if (file_read(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return false;
	end = strrchr(buf_str(&text), ')');
	return end && end[1] == ' ' && end[2] == 'R';
}

int cgroup_runnable(struct cgroup_host *h, const char *uuid, uint64_t *ret,
		    struct error *e)
{
	const char *file = h->trees.version == CGROUP_V1 ? "tasks"
							 : "cgroup.threads";
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	auto_buf text = BUF_INIT;
	char *next, *tid;
	int r = cgroup_dirs_open(&dirs, &h->trees, CGROUP_PIDS, uuid, e);

	if (r == CGROUP_ABSENT)
		return error_set(e, ENOENT, "no cgroup %s", uuid);
	if (r == 0)
		r = file_read(cgroup_dirs_fd(&dirs, CGROUP_PIDS), file,
			      THREADS_TEXT_MAX, &text, e);
	if (r < 0)
		return r;
	*ret = 0;
	next = text.data;
	for (int i = 0; i < CGROUP_THREADS_MAX && (tid = strsep(&next, "\n")); i++)
		if (*tid)
			*ret += cgroup_thread_runs(tid);
	return 0;
}

/* Each tree is tried; the first failure is returned. */
int cgroup_remove(struct cgroup_host *h, const char *uuid, struct error *e)
{
	int r = 0;

	for (size_t i = 0; i < h->trees.n; i++) {
		int q = cgroup_tree_remove(&h->trees.v[i], uuid,
					   CGROUP_TREE_WAIT_MSEC,
					   r < 0 ? NULL : e);

		r = r < 0 ? r : q;
	}
	return r;
}
