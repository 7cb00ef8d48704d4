/*
 * cgroup_group_life.c - a container's group after it was made: its processes,
 * freezing, the end. And the device rules that every container has.
 */
#include "base/clock.h"
#include "base/error.h"
#include "runtime/cgroup/cgroup_group.h"
#include "runtime/cgroup/cgroup_group_inside.h"
#include "runtime/cgroup/cgroup_process.h"
#include "runtime/cgroup/cgroup_realtime.h"

#define USE(t, maj, min, rw) \
	{ .allow = true, .type = t, .major = maj, .minor = min, .read = rw, \
	  .write = rw, .mknod = true }

static const struct resources_device defaults[] = {
	USE('c', -1, -1, false),
	USE('b', -1, -1, false),
	USE('c', 1, 3, true),		/* null */
	USE('c', 1, 8, true),		/* random */
	USE('c', 1, 7, true),		/* full */
	USE('c', 5, 0, true),		/* tty */
	USE('c', 1, 5, true),		/* zero */
	USE('c', 1, 9, true),		/* urandom */
	USE('c', 5, 1, true),		/* console */
	USE('c', 136, -1, true),	/* pts */
	USE('c', 5, 2, true),		/* ptmx */
};

struct resources_device *cgroup_group_devices(const struct resources_device *own,
					      size_t n_own, size_t *ret_n)
{
	struct resources_device *all;

	*ret_n = n_own + ARRAY_SIZE(defaults);
	all = xcalloc(*ret_n, sizeof(*all));
	if (n_own > 0)
		memcpy(all, own, n_own * sizeof(*all));
	memcpy(all + n_own, defaults, sizeof(defaults));
	return all;
}

bool cgroup_group_exists(const struct cgroup_group *g)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;

	return cgroup_dirs_open(&dirs, &g->trees, 0, g->path, NULL) == 0;
}

int cgroup_group_pids(const struct cgroup_group *g, pid_t **ret, size_t *ret_n,
		      struct error *e)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	int r = cgroup_dirs_open(&dirs, &g->trees, 0, g->path, e);

	if (r == CGROUP_ABSENT) {
		*ret = NULL;
		*ret_n = 0;
		return 0;
	}
	return r < 0 ? r : cgroup_process_list(&dirs, ret, ret_n, e);
}

int cgroup_group_signal(struct cgroup_group *g, int sig, struct error *e)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	int r = cgroup_dirs_open(&dirs, &g->trees, 0, g->path, e);

	return r == CGROUP_ABSENT ? 0
		: r < 0 ? r : cgroup_process_signal(&dirs, sig, e);
}

int cgroup_group_kill(struct cgroup_group *g, struct error *e)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	int r = cgroup_dirs_open(&dirs, &g->trees, 0, g->path, e);

	return r == CGROUP_ABSENT ? 0 : r < 0 ? r : cgroup_process_kill(&dirs, e);
}

int cgroup_group_freeze(struct cgroup_group *g, struct error *e)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	int r = cgroup_group_dirs(g, 0, &dirs, e);

	return r < 0 ? r : cgroup_process_freeze(&dirs, CGROUP_FREEZE_MSEC, e);
}

int cgroup_group_thaw(struct cgroup_group *g, struct error *e)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	int r = cgroup_group_dirs(g, 0, &dirs, e);

	return r < 0 ? r : cgroup_process_thaw(&dirs, e);
}

bool cgroup_group_frozen(const struct cgroup_group *g)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;

	return cgroup_dirs_open(&dirs, &g->trees, 0, g->path, NULL) == 0 &&
	       cgroup_process_frozen(&dirs);
}

/* Each tree is tried; the first failure is returned. The time is for all. */
int cgroup_group_remove(struct cgroup_group *g, struct error *e)
{
	uint64_t until = clock_mono_usec() + CGROUP_REMOVE_MSEC * USEC_PER_MSEC;
	int r = 0;

	cgroup_realtime_give_back(&g->trees, g->path);
	for (size_t i = 0; i < g->trees.n; i++) {
		uint64_t now = clock_mono_usec();
		unsigned left = now < until
			? (unsigned)((until - now) / USEC_PER_MSEC) : 0;
		int q = cgroup_tree_remove(&g->trees.v[i], g->path, left,
					   r < 0 ? NULL : e);

		r = r < 0 ? r : q;
	}
	return r;
}
