/*
 * cgroup.c - the face of both versions.
 *
 * v1 is used where its memory controller is mounted (a hybrid host), else v2.
 */
#include "runtime/cgroup.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "runtime/cgroup_host.h"

#include <fcntl.h>

#define MOUNTINFO_MAX (16 * 1024 * 1024)

int cgroup_host_open(struct cgroup_host **ret, const char *prefix,
		     struct error *e)
{
	struct cgroup_mounts mounts = CGROUP_MOUNTS_INIT;
	struct cgroup_host *h;
	auto_buf text = BUF_INIT;
	int r;

	assert(*prefix && !strchr(prefix, '/'));
	r = file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, e);
	if (r < 0)
		return r;
	cgroup_mounts_parse(&mounts, buf_str(&text));
	h = xcalloc(1, sizeof(*h));
	for (size_t i = 0; i < CGROUP_TREES_MAX; i++)
		h->trees[i] = CGROUP_TREE_INIT;
	h->prefix = xstrdup(prefix);
	h->driver = cgroup_mounts_v1(&mounts) & CGROUP_MEMORY
		? &cgroup_v1_driver : &cgroup_v2_driver;
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
	for (size_t i = 0; i < h->n_trees; i++)
		cgroup_tree_deinit(&h->trees[i]);
	free(h->prefix);
	free(h);
	return NULL;
}

enum cgroup_version cgroup_host_version(const struct cgroup_host *h)
{
	return h->driver->version;
}

/* Each tree is tried; the first failure is returned. */
int cgroup_host_wipe(struct cgroup_host *h, struct error *e)
{
	int r = 0;

	for (size_t i = 0; i < h->n_trees; i++) {
		int q = cgroup_tree_wipe(&h->trees[i], r < 0 ? NULL : e);

		r = r < 0 ? r : q;
	}
	return r;
}

/* ---- a leaf ---- */

static int cgroup_add_tree(struct cgroup_host *h, struct cgroup_tree *t,
			   const char *uuid, const struct dyno_limits *limits,
			   struct cgroup *c, struct error *e)
{
	auto_close int fd = -1;
	int r = cgroup_tree_leaf(t, uuid, &fd, e);

	if (r == CGROUP_ABSENT)
		return error_set(e, ENOENT, "cgroup %s vanished", uuid);
	if (r == 0)
		r = cgroup_limits_apply(fd, t->controllers, h->driver->settings,
					h->driver->n_settings, limits, e);
	if (r < 0)
		return r;
	if (h->driver->version == CGROUP_V2) {
		c->dir_fd = take_fd(fd);
		return 0;
	}
	/* Not cgroup.procs: a thread that moves itself by "tasks" takes no lock
	 * against forks, whose first taking waits for RCU (10 ms). */
	r = openat(fd, "tasks", O_WRONLY | O_CLOEXEC);
	if (r < 0)
		return error_sys(e, "open %s/%s/tasks", t->path, uuid);
	c->procs_fds[c->n_procs_fds++] = r;
	return 0;
}

int cgroup_create(struct cgroup_host *h, const char *uuid,
		  const struct dyno_limits *limits, struct cgroup *ret,
		  struct error *e)
{
	struct cgroup c = { .dir_fd = -1 };
	size_t made;
	int r = 0;

	for (made = 0; made < h->n_trees; made++) {
		r = cgroup_tree_make(&h->trees[made], uuid, e);
		if (r < 0)
			break;
	}
	for (size_t i = 0; r >= 0 && i < h->n_trees; i++)
		r = cgroup_add_tree(h, &h->trees[i], uuid, limits, &c, e);
	if (r < 0) {
		/* Only what we made ourselves: a leaf that was there stays. */
		cgroup_deinit(&c);
		while (made > 0)
			cgroup_tree_remove(&h->trees[--made], uuid, NULL);
		return r;
	}
	*ret = c;
	return 0;
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

	for (size_t i = 0; r >= 0 && i < h->n_trees; i++)
		r = cgroup_tree_list(&h->trees[i], ret, e);
	return r;
}

int cgroup_kill(struct cgroup_host *h, const char *uuid, struct error *e)
{
	return h->driver->kill(h, uuid, e);
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

/* Each tree is tried; the first failure is returned. */
int cgroup_remove(struct cgroup_host *h, const char *uuid, struct error *e)
{
	int r = 0;

	for (size_t i = 0; i < h->n_trees; i++) {
		int q = cgroup_tree_remove(&h->trees[i], uuid,
					   r < 0 ? NULL : e);

		r = r < 0 ? r : q;
	}
	return r;
}
