/*
 * cgroup_settings_v1.c - version 1: nearly every property has its own file.
 */
#include "base/error.h"
#include "runtime/cgroup/cgroup_device.h"
#include "runtime/cgroup/cgroup_settings.h"

#include <inttypes.h>

#define SHARES_MIN 2
#define SHARES_MAX 262144

#define ROW(member, c, f, p, name, ...) \
	{ .offset = offsetof(struct resources, member), .controller = c, \
	  .flags = f, .property = p, .file = name, __VA_ARGS__ }

static const struct cgroup_row memory_rows[] = {
	/* Above the old memory + swap limit: refused until that is raised. */
	ROW(memory.limit, CGROUP_MEMORY, CGROUP_SETTING_LATER, "memory.limit",
	    "memory.limit_in_bytes"),
	ROW(memory.swap, CGROUP_MEMORY, 0, "memory.swap",
	    "memory.memsw.limit_in_bytes"),
	ROW(memory.reservation, CGROUP_MEMORY, 0, "memory.reservation",
	    "memory.soft_limit_in_bytes"),
	ROW(memory.kernel_tcp, CGROUP_MEMORY, 0, "memory.kernelTCP",
	    "memory.kmem.tcp.limit_in_bytes"),
	ROW(memory.swappiness, CGROUP_MEMORY, 0, "memory.swappiness",
	    "memory.swappiness", .zero = true),
	ROW(memory.disable_oom_killer, CGROUP_MEMORY, 0,
	    "memory.disableOOMKiller", "memory.oom_control", .zero = true),
};

static const struct cgroup_row cpu_rows[] = {
	/* A runtime above the period, a shorter period than the quota needs, a
	 * burst above the quota: refused in this order if the old ones are in
	 * the way. */
	ROW(cpu.realtime_period, CGROUP_CPU, CGROUP_SETTING_LATER,
	    "cpu.realtimePeriod", "cpu.rt_period_us"),
	ROW(cpu.realtime_runtime, CGROUP_CPU, CGROUP_SETTING_LATER,
	    "cpu.realtimeRuntime", "cpu.rt_runtime_us"),
	ROW(cpu.period, CGROUP_CPU, CGROUP_SETTING_LATER, "cpu.period",
	    "cpu.cfs_period_us"),
	ROW(cpu.burst, CGROUP_CPU, CGROUP_SETTING_LATER, "cpu.burst",
	    "cpu.cfs_burst_us", .zero = true),
	ROW(cpu.quota, CGROUP_CPU, CGROUP_SETTING_LATER, "cpu.quota",
	    "cpu.cfs_quota_us", .none = "-1"),
	ROW(pids, CGROUP_PIDS, 0, "pids.limit", "pids.max", .none = "max"),
	ROW(class_id, CGROUP_NET_CLS, 0, "network.classID", "net_cls.classid"),
};

static int v1_cpu(struct cgroup_settings *s, const struct resources *r,
		  struct error *e)
{
	bool idle = r->cpu.idle.set && r->cpu.idle.value == 1;

	if (r->cpu.idle.set)
		cgroup_settings_add(s, CGROUP_CPU, 0, "cpu.idle", "cpu.idle",
				    "%" PRId64, r->cpu.idle.value);
	/* An idle group has no shares; the kernel would refuse them. */
	if (cgroup_settings_given(&r->cpu.shares) && !idle) {
		if (r->cpu.shares.value < SHARES_MIN)
			return cgroup_settings_error(s, e, EINVAL, "cpu.shares",
				"the minimum allowed cpu-shares is 2");
		if (r->cpu.shares.value > SHARES_MAX)
			return cgroup_settings_error(s, e, EINVAL, "cpu.shares",
				"the maximum allowed cpu-shares is 262144");
		cgroup_settings_add(s, CGROUP_CPU, 0, "cpu.shares",
				    "cpu.shares", "%" PRId64,
				    r->cpu.shares.value);
	}
	if (r->cpu.cpus && *r->cpu.cpus)
		cgroup_settings_add(s, CGROUP_CPUSET, 0, "cpu.cpus",
				    "cpuset.cpus", "%s", r->cpu.cpus);
	if (r->cpu.mems && *r->cpu.mems)
		cgroup_settings_add(s, CGROUP_CPUSET, 0, "cpu.mems",
				    "cpuset.mems", "%s", r->cpu.mems);
	return 0;
}

/* ---- block devices ---- */

/* The files of the scheduler that was, or of the one that is. */
static void v1_weight(struct cgroup_settings *s, const char *device,
		      const char *what, const char *suffix,
		      const struct maybe *weight)
{
	auto_free char *old = xasprintf("blkio.%s%s", what, suffix);
	auto_free char *bfq = xasprintf("blkio.bfq.%s%s", what, suffix);

	if (!cgroup_settings_given(weight))
		return;
	cgroup_settings_add(s, CGROUP_BLKIO, CGROUP_SETTING_OR_NEXT,
			    "blockIO.weight", old, "%s%" PRId64, device,
			    weight->value);
	cgroup_settings_add(s, CGROUP_BLKIO, 0, "blockIO.weight", bfq,
			    "%s%" PRId64, device, weight->value);
}

static void v1_rates(struct cgroup_settings *s, const struct resources_rates *l,
		     const char *property, const char *file)
{
	for (size_t i = 0; i < l->n; i++)
		cgroup_settings_add(s, CGROUP_BLKIO, 0, property, file,
				    "%" PRId64 ":%" PRId64 " %" PRIu64,
				    l->v[i].major, l->v[i].minor, l->v[i].rate);
}

static void v1_block(struct cgroup_settings *s, const struct resources *r)
{
	v1_weight(s, "", "weight", "", &r->block.weight);
	v1_weight(s, "", "leaf_weight", "", &r->block.leaf_weight);
	for (size_t i = 0; i < r->block.n_devices; i++) {
		const struct resources_weight *d = &r->block.devices[i];
		auto_free char *device = xasprintf("%" PRId64 ":%" PRId64 " ",
						   d->major, d->minor);

		v1_weight(s, device, "weight", "_device", &d->weight);
		v1_weight(s, device, "leaf_weight", "_device", &d->leaf_weight);
	}
	v1_rates(s, &r->block.read_bps, "blockIO.throttleReadBpsDevice",
		 "blkio.throttle.read_bps_device");
	v1_rates(s, &r->block.write_bps, "blockIO.throttleWriteBpsDevice",
		 "blkio.throttle.write_bps_device");
	v1_rates(s, &r->block.read_iops, "blockIO.throttleReadIOPSDevice",
		 "blkio.throttle.read_iops_device");
	v1_rates(s, &r->block.write_iops, "blockIO.throttleWriteIOPSDevice",
		 "blkio.throttle.write_iops_device");
}

/* ---- devices ---- */

/* Default deny, then the rules in order, in the kernel's own words. */
static void v1_devices(struct cgroup_settings *s, const struct resources *r)
{
	if (r->n_devices == 0)
		return;
	cgroup_settings_add(s, CGROUP_DEVICES, 0, "devices", "devices.deny", "a");
	for (size_t i = 0; i < r->n_devices; i++) {
		auto_free char *property = xasprintf("devices[%zu]", i);
		const char *file = r->devices[i].allow ? "devices.allow"
						       : "devices.deny";
		char text[CGROUP_DEVICE_TEXTS][CGROUP_DEVICE_TEXT_MAX];
		size_t n = cgroup_device_text(&r->devices[i], text);

		for (size_t k = 0; k < n; k++)
			cgroup_settings_add(s, CGROUP_DEVICES, 0, property, file,
					    "%s", text[k]);
	}
}

int cgroup_settings_v1(struct cgroup_settings *s, const struct resources *r,
		       struct error *e)
{
	int q;

	if (r->n_unified > 0)
		return cgroup_settings_error(s, e, ENOTSUP, "unified",
			"invalid configuration: cannot use unified on cgroup v1");
	q = cgroup_settings_check_weights(s, r, e);
	if (q < 0)
		return q;
	v1_devices(s, r);
	cgroup_settings_rows(s, r, memory_rows, ARRAY_SIZE(memory_rows));
	/* No limit for memory alone would leave the old sum in its way. */
	if (r->memory.limit.set && r->memory.limit.value == -1 &&
	    !cgroup_settings_given(&r->memory.swap))
		cgroup_settings_add(s, CGROUP_MEMORY, CGROUP_SETTING_IF_THERE,
				    "memory.swap", "memory.memsw.limit_in_bytes",
				    "-1");
	cgroup_settings_rows(s, r, cpu_rows, ARRAY_SIZE(cpu_rows));
	q = v1_cpu(s, r, e);
	if (q < 0)
		return q;
	v1_block(s, r);
	q = cgroup_settings_hugetlb(s, r, "limit_in_bytes", e);
	if (q < 0)
		return q;
	cgroup_settings_rdma(s, r);
	for (size_t i = 0; i < r->n_priorities; i++)
		cgroup_settings_add(s, CGROUP_NET_PRIO, 0, "network.priorities",
				    "net_prio.ifpriomap", "%s %" PRIu32,
				    r->priorities[i].name,
				    r->priorities[i].priority);
	return 0;
}
