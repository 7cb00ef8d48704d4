#include "runtime/cgroup/cgroup_realtime.h"
#include "base/error.h"
#include "base/strv.h"
#include "runtime/cgroup/resources.h"

#include <inttypes.h>
#include <fcntl.h>
#include <stdio.h>

#define RUNTIME "cpu.rt_runtime_us"
#define PERIOD "cpu.rt_period_us"
#define WHOLE 1000000ULL		/* shares are in millionths of a processor */

static uint64_t realtime_share(uint64_t runtime, uint64_t period)
{
	return period ? (runtime * WHOLE + period - 1) / period : 0;
}

/* What a group has; file names are relative to fd. */
static uint64_t realtime_read(int fd, const char *group)
{
	auto_free char *runtime_file = xasprintf("%s/" RUNTIME, group);
	auto_free char *period_file = xasprintf("%s/" PERIOD, group);
	uint64_t runtime = 0, period = 0;

	cgroup_tree_read(fd, runtime_file, &runtime, NULL);
	cgroup_tree_read(fd, period_file, &period, NULL);
	return realtime_share(runtime, period);
}

static uint64_t realtime_children(const struct cgroup_tree *t, const char *group,
				  const char *except)
{
	struct cgroup_tree parent = *t;		/* borrowed */
	auto_strv names = STRV_INIT;
	auto_close int fd = -1;
	uint64_t sum = 0;

	if (cgroup_tree_leaf(t, group, &fd, NULL) != 0)
		return 0;
	parent.parent_fd = fd;
	if (cgroup_tree_list(&parent, &names, NULL) < 0)
		return 0;
	for (size_t i = 0; i < names.n; i++)
		if (!str_eq(names.v[i], except))
			sum += realtime_read(fd, names.v[i]);
	return sum;
}

static int realtime_write(const struct cgroup_tree *t, const char *path,
			  uint64_t share)
{
	auto_free char *file = xasprintf("%s/" RUNTIME, path);
	auto_free char *period_file = xasprintf("%s/" PERIOD, path);
	uint64_t period = 0;
	char text[32];

	if (cgroup_tree_read(t->parent_fd, period_file, &period, NULL) < 0)
		return -1;
	snprintf(text, sizeof(text), "%" PRIu64,
		 (uint64_t)((share * period + WHOLE - 1) / WHOLE));
	return cgroup_tree_write(t->parent_fd, file, text, NULL);
}

/* Make sure of need in the group path; what is above it first. */
static void realtime_raise(const struct cgroup_tree *t, const char *path,
			   const char *child, uint64_t need)
{
	const char *slash = strrchr(path, '/');

	need += realtime_children(t, path, child);
	if (realtime_read(t->parent_fd, path) >= need)
		return;
	if (slash) {
		auto_free char *above = xstrndup(path, (size_t)(slash - path));

		realtime_raise(t, above, slash + 1, need);
	}
	realtime_write(t, path, need);
}

static const struct cgroup_tree *realtime_tree(const struct cgroup_trees *t)
{
	for (size_t i = 0; t->version == CGROUP_V1 && i < t->n; i++)
		if (t->v[i].controllers & CGROUP_CPU)
			return &t->v[i];
	return NULL;
}

void cgroup_realtime_make_room(const struct cgroup_trees *t, const char *path,
			       const struct resources *r)
{
	const struct maybe *runtime = &r->cpu.realtime_runtime;
	const struct maybe *period = &r->cpu.realtime_period;
	const struct cgroup_tree *cpu = realtime_tree(t);
	const char *slash = strrchr(path, '/');
	auto_free char *above = NULL;

	if (!cpu || !runtime->set || runtime->value <= 0 || !slash)
		return;
	above = xstrndup(path, (size_t)(slash - path));
	realtime_raise(cpu, above, slash + 1,
		       realtime_share((uint64_t)runtime->value,
				      period->set && period->value > 0
				      ? (uint64_t)period->value : WHOLE));
}

void cgroup_realtime_give_back(const struct cgroup_trees *t, const char *path)
{
	const struct cgroup_tree *cpu = realtime_tree(t);
	uint64_t share = cpu ? realtime_read(cpu->parent_fd, path) : 0;
	auto_free char *above = xstrdup(path);
	char *slash;

	if (share == 0 || realtime_write(cpu, path, 0) < 0)
		return;
	while ((slash = strrchr(above, '/'))) {
		uint64_t left;

		*slash = '\0';
		left = realtime_children(cpu, above, "");
		if (realtime_read(cpu->parent_fd, above) != left + share ||
		    realtime_write(cpu, above, left) < 0)
			return;
	}
}
