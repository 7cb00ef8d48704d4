/*
 * dyno_usage.c - what a dyno uses, and being told when it wants too much.
 */
#include "base/error.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/cgroup_oom.h"
#include "runtime/instance.h"

int dyno_usage(struct runtime *rt, const struct dyno *d, struct dyno_usage *ret,
	       struct error *e)
{
	struct cgroup_stats s;
	uint64_t runnable = 0;
	int r = cgroup_stats(rt->cgroups, d->uuid, &s, e);

	if (r == 0)
		r = cgroup_runnable(rt->cgroups, d->uuid, &runnable, e);
	if (r < 0)
		return r;
	*ret = (struct dyno_usage){
		.rss = s.rss, .cache = s.cache, .swap = s.swap,
		.paged_in = s.paged_in, .paged_out = s.paged_out,
		.memory_peak = s.memory_peak, .cpu_usec = s.cpu_usec,
		.oom_kills = s.oom_kills, .pids = s.pids, .runnable = runnable,
	};
	return 0;
}

int dyno_watch_memory(struct runtime *rt, struct dyno *d, struct error *e)
{
	struct cgroup_oom oom = CGROUP_OOM_INIT;
	int r = cgroup_watch(rt->cgroups, d->uuid, &oom, e);

	if (r < 0)
		return r;
	dyno_unwatch(d);
	d->watch = xmemdup(&oom, sizeof(oom));
	d->memory_fd = oom.fd;
	return 0;
}

int dyno_memory_event(struct dyno *d, uint64_t *ret_kills, struct error *e)
{
	int r;

	assert(d->watch);
	r = cgroup_oom_read(d->watch, ret_kills, e);
	return r == CGROUP_OOM_GONE ? DYNO_WATCH_GONE : r;
}

void dyno_unwatch(struct dyno *d)
{
	if (d->watch)
		cgroup_oom_deinit(d->watch);
	free(take_ptr(d->watch));
	d->memory_fd = -1;
}
