#include "runtime/dynorun/dynorun_stats.h"

#include "base/base.h"
#include "runtime/cgroup/cgroup_usage.h"

/* JSON has no unsigned numbers of 64 bits: "no limit" is the largest one. */
static json_t *stats_number(uint64_t x)
{
	return json_integer(x > INT64_MAX ? INT64_MAX : (json_int_t)x);
}

static void stats_set(json_t *o, const char *key, uint64_t x)
{
	json_object_set_new(o, key, stats_number(x));
}

static void stats_set_list(json_t *o, const char *key, const uint64_t *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; v && i < n; i++)
		json_array_append_new(list, stats_number(v[i]));
	if (v && n > 0)
		json_object_set(o, key, list);
	json_decref(list);
}

/* "0-2,7" -> [0,1,2,7] */
static json_t *stats_range(const char *text)
{
	json_t *list = json_array();
	char *end;

	while (text && *text >= '0' && *text <= '9') {
		unsigned long from = strtoul(text, &end, 10), to = from;

		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (; from <= to && json_array_size(list) < 65536; from++)
			json_array_append_new(list, json_integer((json_int_t)from));
		text = *end == ',' ? end + 1 : end;
	}
	return list;
}

static void stats_pressure(json_t *o, const struct cgroup_pressure *p)
{
	if (!p->known)
		return;
	json_object_set_new(o, "psi", json_pack(
		"{s:{s:f,s:f,s:f,s:o},s:{s:f,s:f,s:f,s:o}}",
		"some", "avg10", p->some.avg10, "avg60", p->some.avg60,
		"avg300", p->some.avg300, "total", stats_number(p->some.total),
		"full", "avg10", p->full.avg10, "avg60", p->full.avg60,
		"avg300", p->full.avg300, "total", stats_number(p->full.total)));
}

static json_t *stats_cpu(const struct cgroup_usage *u)
{
	json_t *cpu = json_object(), *usage = json_object(), *t = json_object();

	stats_set(usage, "total", u->cpu.total);
	stats_set_list(usage, "percpu", u->cpu.percpu, u->cpu.n_percpu);
	stats_set_list(usage, "percpu_kernel", u->cpu.percpu_kernel,
		       u->cpu.n_percpu);
	stats_set_list(usage, "percpu_user", u->cpu.percpu_user, u->cpu.n_percpu);
	stats_set(usage, "kernel", u->cpu.kernel);
	stats_set(usage, "user", u->cpu.user);
	stats_set(t, "periods", u->cpu.periods);
	stats_set(t, "throttledPeriods", u->cpu.throttled_periods);
	stats_set(t, "throttledTime", u->cpu.throttled);
	json_object_set_new(cpu, "usage", usage);
	json_object_set_new(cpu, "throttling", t);
	stats_pressure(cpu, &u->cpu.pressure);
	return cpu;
}

static json_t *stats_entry(const struct cgroup_memory_entry *m)
{
	json_t *o = json_object();

	stats_set(o, "limit", m->limit);
	stats_set(o, "usage", m->usage);
	stats_set(o, "max", m->max);
	stats_set(o, "failcnt", m->failcnt);
	return o;
}

static json_t *stats_memory(const struct cgroup_usage *u)
{
	json_t *o = json_object(), *raw = json_object();

	for (size_t i = 0; i < u->memory.n_raw; i++)
		stats_set(raw, u->memory.raw[i].key, u->memory.raw[i].value);
	stats_set(o, "cache", u->memory.cache);
	json_object_set_new(o, "usage", stats_entry(&u->memory.usage));
	json_object_set_new(o, "swap", stats_entry(&u->memory.swap));
	json_object_set_new(o, "kernel", stats_entry(&u->memory.kernel));
	json_object_set_new(o, "kernelTCP", stats_entry(&u->memory.kernel_tcp));
	json_object_set_new(o, "raw", raw);
	stats_set(o, "oomKills", u->memory.oom_kills);
	stats_pressure(o, &u->memory.pressure);
	return o;
}

static json_t *stats_io_list(const struct cgroup_io_list *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, json_pack("{s:o,s:o,s:s,s:o}",
			"major", stats_number(l->v[i].major),
			"minor", stats_number(l->v[i].minor), "op", l->v[i].op,
			"value", stats_number(l->v[i].value)));
	return list;
}

static json_t *stats_io(const struct cgroup_usage *u)
{
	const struct {
		const char *key;
		const struct cgroup_io_list *list;
	} lists[] = {
		{ "ioServiceBytesRecursive", &u->io.service_bytes },
		{ "ioServicedRecursive", &u->io.serviced },
		{ "ioQueueRecursive", &u->io.queued },
		{ "ioServiceTimeRecursive", &u->io.service_time },
		{ "ioWaitTimeRecursive", &u->io.wait_time },
		{ "ioMergedRecursive", &u->io.merged },
		{ "ioTimeRecursive", &u->io.time },
		{ "sectorsRecursive", &u->io.sectors },
	};
	json_t *o = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i].list->n > 0)
			json_object_set_new(o, lists[i].key,
					    stats_io_list(lists[i].list));
	stats_pressure(o, &u->io.pressure);
	return o;
}

static json_t *stats_hugetlb(const struct cgroup_usage *u)
{
	json_t *all = json_object();

	for (size_t i = 0; i < u->n_hugetlb; i++) {
		json_t *o = json_object();

		stats_set(o, "usage", u->hugetlb[i].usage);
		stats_set(o, "max", u->hugetlb[i].max);
		stats_set(o, "failcnt", u->hugetlb[i].failcnt);
		json_object_set_new(all, u->hugetlb[i].size, o);
	}
	return all;
}

json_t *dynorun_stats(const struct cgroup_usage *u)
{
	json_t *o = json_object(), *pids = json_object(), *set = json_object();

	stats_set(pids, "current", u->pids.current);
	stats_set(pids, "limit", u->pids.limit);
	json_object_set_new(set, "cpus", stats_range(u->cpuset.cpus));
	json_object_set_new(set, "mems", stats_range(u->cpuset.mems));
	json_object_set_new(o, "cpu", stats_cpu(u));
	json_object_set_new(o, "cpuset", set);
	json_object_set_new(o, "memory", stats_memory(u));
	json_object_set_new(o, "pids", pids);
	json_object_set_new(o, "blkio", stats_io(u));
	json_object_set_new(o, "hugetlb", stats_hugetlb(u));
	return o;
}
