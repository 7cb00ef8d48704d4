/*
 * cgroup_settings_v2.c - version 2: the same properties in other units; the
 * table of conversions is in cgroup_settings.h.
 */
#include "base/error.h"
#include "runtime/cgroup/cgroup_settings.h"

#include <inttypes.h>

#define ROW(member, c, f, p, name, ...) \
	{ .offset = offsetof(struct resources, member), .controller = c, \
	  .flags = f, .property = p, .file = name, __VA_ARGS__ }

static const struct cgroup_row rows[] = {
	ROW(memory.limit, CGROUP_MEMORY, 0, "memory.limit", "memory.max",
	    .none = "max"),
	ROW(memory.reservation, CGROUP_MEMORY, 0, "memory.reservation",
	    "memory.low", .none = "max"),
	ROW(pids, CGROUP_PIDS, 0, "pids.limit", "pids.max", .none = "max"),
	ROW(cpu.idle, CGROUP_CPU, 0, "cpu.idle", "cpu.idle", .zero = true),
	ROW(cpu.burst, CGROUP_CPU, CGROUP_SETTING_LATER, "cpu.burst",
	    "cpu.max.burst", .zero = true),
};

/* What version 2 has no word for. */
static const struct {
	size_t offset;
	const char *property, *reason;
} refused[] = {
	{ offsetof(struct resources, cpu.realtime_runtime), "cpu.realtimeRuntime",
	  "realtime limits are not supported on cgroup v2" },
	{ offsetof(struct resources, cpu.realtime_period), "cpu.realtimePeriod",
	  "realtime limits are not supported on cgroup v2" },
	{ offsetof(struct resources, class_id), "network.classID",
	  "network classes are not supported on cgroup v2" },
	{ offsetof(struct resources, block.leaf_weight), "blockIO.leafWeight",
	  "leaf weights are not supported on cgroup v2" },
};

static int v2_refuse(const struct cgroup_settings *s, const struct resources *r,
		     struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (cgroup_settings_given((const void *)((const char *)r +
							 refused[i].offset)))
			return cgroup_settings_error(s, e, ENOTSUP,
						     refused[i].property,
						     refused[i].reason);
	if (r->n_priorities > 0)
		return cgroup_settings_error(s, e, ENOTSUP, "network.priorities",
			"network priorities are not supported on cgroup v2");
	return 0;
}

/* ---- memory ---- */

static int v2_swap(struct cgroup_settings *s, const struct resources *r,
		   const struct cgroup_current *now, struct error *e)
{
	int64_t limit = cgroup_settings_given(&r->memory.limit)
		? r->memory.limit.value : now->memory;
	int64_t swap = r->memory.swap.value;
	unsigned if_there = CGROUP_SETTING_IF_THERE;

	/* Without a limit to add it to, 0 is what it says: no swap. */
	if (r->memory.swap.set && swap == 0 && !r->memory.limit.set) {
		cgroup_settings_add(s, CGROUP_MEMORY, if_there, "memory.swap",
				    "memory.swap.max", "0");
		return 0;
	}
	if (!cgroup_settings_given(&r->memory.swap)) {
		if (!r->memory.limit.set || r->memory.limit.value != -1)
			return 0;
		swap = -1;
	}
	if (swap == -1) {
		cgroup_settings_add(s, CGROUP_MEMORY, if_there, "memory.swap",
				    "memory.swap.max", "max");
		return 0;
	}
	if (limit <= 0)
		return cgroup_settings_error(s, e, EINVAL, "memory.swap",
			"unable to set swap limit without memory limit");
	if (swap < limit)
		return cgroup_settings_error(s, e, EINVAL, "memory.swap",
			"memory+swap limit should be >= memory limit");
	cgroup_settings_add(s, CGROUP_MEMORY, swap == limit ? if_there : 0,
			    "memory.swap", "memory.swap.max", "%" PRId64,
			    swap - limit);
	return 0;
}

/* ---- processors ---- */

static void v2_cpu(struct cgroup_settings *s, const struct resources *r,
		   const struct cgroup_current *now)
{
	bool idle = r->cpu.idle.set && r->cpu.idle.value == 1;
	int64_t quota = cgroup_settings_given(&r->cpu.quota)
		? r->cpu.quota.value : now->quota;
	auto_free char *max = quota > 0 ? xasprintf("%" PRId64, quota)
					: xstrdup("max");

	if (cgroup_settings_given(&r->cpu.shares) && !idle)
		cgroup_settings_add(s, CGROUP_CPU, 0, "cpu.shares", "cpu.weight",
			"%" PRIu64,
			cgroup_settings_weight(r->cpu.shares.value < 0 ? 0 :
					       (uint64_t)r->cpu.shares.value));
	if (cgroup_settings_given(&r->cpu.period))
		cgroup_settings_add(s, CGROUP_CPU, CGROUP_SETTING_LATER,
				    "cpu.period", "cpu.max", "%s %" PRId64, max,
				    r->cpu.period.value);
	else if (cgroup_settings_given(&r->cpu.quota))
		cgroup_settings_add(s, CGROUP_CPU, CGROUP_SETTING_LATER,
				    "cpu.quota", "cpu.max", "%s", max);
	if (r->cpu.cpus && *r->cpu.cpus)
		cgroup_settings_add(s, CGROUP_CPUSET, 0, "cpu.cpus",
				    "cpuset.cpus", "%s", r->cpu.cpus);
	if (r->cpu.mems && *r->cpu.mems)
		cgroup_settings_add(s, CGROUP_CPUSET, 0, "cpu.mems",
				    "cpuset.mems", "%s", r->cpu.mems);
}

/* ---- block devices ---- */

static void v2_weight(struct cgroup_settings *s, const char *device,
		      const struct maybe *weight)
{
	if (!cgroup_settings_given(weight))
		return;
	cgroup_settings_add(s, CGROUP_BLKIO, CGROUP_SETTING_OR_NEXT,
			    "blockIO.weight", "io.bfq.weight", "%s%" PRId64,
			    device, weight->value);
	cgroup_settings_add(s, CGROUP_BLKIO, 0, "blockIO.weight", "io.weight",
		"%s%" PRIu64, device,
		cgroup_settings_io_weight((uint64_t)weight->value));
}

static void v2_rates(struct cgroup_settings *s, const struct resources_rates *l,
		     const char *property, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		cgroup_settings_add(s, CGROUP_BLKIO, 0, property, "io.max",
				    "%" PRId64 ":%" PRId64 " %s=%" PRIu64,
				    l->v[i].major, l->v[i].minor, key,
				    l->v[i].rate);
}

static void v2_block(struct cgroup_settings *s, const struct resources *r)
{
	v2_weight(s, "", &r->block.weight);
	for (size_t i = 0; i < r->block.n_devices; i++) {
		auto_free char *device = xasprintf("%" PRId64 ":%" PRId64 " ",
			r->block.devices[i].major, r->block.devices[i].minor);

		v2_weight(s, device, &r->block.devices[i].weight);
	}
	v2_rates(s, &r->block.read_bps, "blockIO.throttleReadBpsDevice", "rbps");
	v2_rates(s, &r->block.write_bps, "blockIO.throttleWriteBpsDevice",
		 "wbps");
	v2_rates(s, &r->block.read_iops, "blockIO.throttleReadIOPSDevice",
		 "riops");
	v2_rates(s, &r->block.write_iops, "blockIO.throttleWriteIOPSDevice",
		 "wiops");
}

/* ---- raw files ---- */

static int v2_unified(struct cgroup_settings *s, const struct resources *r,
		      struct error *e)
{
	for (size_t i = 0; i < r->n_unified; i++) {
		const char *key = r->unified[i].key, *p = r->unified[i].value;
		auto_free char *property = xasprintf("unified[\"%s\"]", key);

		if (!*key || *key == '.' || strchr(key, '/'))
			return cgroup_settings_error(s, e, EINVAL, property,
				"must be a file name (no slashes)");
		if (!strchr(key, '.')) {
			auto_free char *reason = xasprintf("the specified key has "
				"not the form CONTROLLER.VALUE `%s`", key);

			return cgroup_settings_error(s, e, EINVAL, property,
						     reason);
		}
		/* The kernel takes one line at a time. */
		do {
			size_t n = strcspn(p, "\n");

			cgroup_settings_add(s, 0, 0, property, key, "%.*s",
					    (int)n, p);
			p += n + (p[n] == '\n');
		} while (*p);
	}
	return 0;
}

int cgroup_settings_v2(struct cgroup_settings *s, const struct resources *r,
		       const struct cgroup_current *now, struct error *e)
{
	int q = v2_refuse(s, r, e);

	if (q == 0)
		q = cgroup_settings_check_weights(s, r, e);
	if (q < 0)
		return q;
	cgroup_settings_rows(s, r, rows, ARRAY_SIZE(rows));
	q = v2_swap(s, r, now, e);
	if (q < 0)
		return q;
	v2_cpu(s, r, now);
	v2_block(s, r);
	q = cgroup_settings_hugetlb(s, r, "max", e);
	if (q < 0)
		return q;
	cgroup_settings_rdma(s, r);
	return v2_unified(s, r, e);
}
