#include "runtime/cgroup/cgroup_dirs.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <fcntl.h>

#define MOUNTINFO_MAX (16 * 1024 * 1024)

int cgroup_dirs_mounts(struct cgroup_mounts *ret, enum cgroup_version *ret_version,
		       struct error *e)
{
	auto_buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text,
			  e);

	if (r < 0)
		return r;
	cgroup_mounts_parse(ret, buf_str(&text));
	*ret_version = cgroup_mounts_v1(ret) & CGROUP_MEMORY ? CGROUP_V1
							     : CGROUP_V2;
	if (*ret_version == CGROUP_V2 && !cgroup_mounts_unified(ret)) {
		cgroup_mounts_deinit(ret);
		return error_set(e, ENOTSUP, "no cgroup file system is mounted");
	}
	return 0;
}

void cgroup_trees_deinit(struct cgroup_trees *t)
{
	for (size_t i = 0; i < t->n; i++)
		cgroup_tree_deinit(&t->v[i]);
	t->n = 0;
}

int cgroup_dirs_open(struct cgroup_dirs *d, const struct cgroup_trees *t,
		     unsigned controllers, const char *path, struct error *e)
{
	bool found = false;
	int r = 0;

	d->trees = t;
	d->n = t->n;
	for (size_t i = 0; i < CGROUP_TREES_MAX; i++)
		d->fds[i] = -1;
	for (size_t i = 0; r >= 0 && i < t->n; i++) {
		if (controllers && !(t->v[i].controllers & controllers))
			continue;
		r = cgroup_tree_leaf(&t->v[i], path, &d->fds[i], e);
		found |= r == 0;
	}
	if (r < 0) {
		cgroup_dirs_deinit(d);
		return r;
	}
	return found ? 0 : CGROUP_ABSENT;
}

void cgroup_dirs_deinit(struct cgroup_dirs *d)
{
	for (size_t i = 0; i < d->n; i++)
		d->fds[i] = fd_close(d->fds[i]);
}

int cgroup_dirs_fd(const struct cgroup_dirs *d, unsigned controllers)
{
	for (size_t i = 0; i < d->trees->n; i++)
		if (!controllers || d->trees->v[i].controllers & controllers)
			return d->fds[i];
	return -1;
}

int cgroup_dirs_procs(const struct cgroup_dirs *d)
{
	int fd = cgroup_dirs_fd(d, CGROUP_FREEZER);

	if (fd < 0)
		fd = cgroup_dirs_fd(d, CGROUP_UNIFIED);
	for (size_t i = 0; fd < 0 && i < d->trees->n; i++)
		fd = d->fds[i];
	return fd;
}

/*
 * v1: not by cgroup.procs, since a thread that moves itself by "tasks" takes no
 * lock against forks, whose first taking waits for RCU (10 ms). The unified
 * tree has no such file, but clone3().
 */
int cgroup_dirs_join(const struct cgroup_dirs *d, struct cgroup *ret,
		     struct error *e)
{
	struct cgroup c = CGROUP_INIT;

	for (size_t i = 0; i < d->trees->n; i++) {
		bool unified = d->trees->v[i].controllers & CGROUP_UNIFIED;
		int fd;

		if (d->fds[i] < 0)
			continue;
		fd = unified ? openat(d->fds[i], ".",
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC)
			     : openat(d->fds[i], "tasks", O_WRONLY | O_CLOEXEC);
		if (fd < 0) {
			int r = error_sys(e, "open a cgroup in %s",
					  d->trees->v[i].path);

			cgroup_deinit(&c);
			return r;
		}
		if (unified)
			c.dir_fd = fd;
		else
			c.procs_fds[c.n_procs_fds++] = fd;
	}
	*ret = c;
	return 0;
}
