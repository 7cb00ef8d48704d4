/*
 * cgroup_usage_v1.c - the counters of version 1.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "runtime/cgroup/cgroup_dirs.h"
#include "runtime/cgroup/cgroup_usage_inside.h"

#include <inttypes.h>
#include <stdio.h>

#define TEXT_MAX (1024 * 1024)
#define NSEC_PER_SEC 1000000000ULL

/* ---- processors ---- */

static void usage_append(uint64_t **v, size_t n, uint64_t x)
{
	*v = xrealloc(*v, (n + 1) * sizeof(**v));
	(*v)[n] = x;
}

/* "cpu user system", then a line for each processor */
static void usage_percpu(struct cgroup_usage *u, int fd)
{
	auto_buf text = BUF_INIT;
	char *rest, *line;

	if (file_read(fd, "cpuacct.usage_all", TEXT_MAX, &text, NULL) < 0)
		return;
	rest = text.data;
	while ((line = strsep(&rest, "\n"))) {
		uint64_t user, kernel;
		size_t n = u->cpu.n_percpu;

		if (sscanf(line, "%*u %" SCNu64 " %" SCNu64, &user,
			   &kernel) != 2)
			continue;
		usage_append(&u->cpu.percpu, n, user + kernel);
		usage_append(&u->cpu.percpu_user, n, user);
		usage_append(&u->cpu.percpu_kernel, n, kernel);
		u->cpu.n_percpu++;
	}
}

static void usage_cpu(struct cgroup_usage *u, const struct cgroup_dirs *dirs)
{
	int account = cgroup_dirs_fd(dirs, CGROUP_CPUACCT);
	int cpu = cgroup_dirs_fd(dirs, CGROUP_CPU);
	int set = cgroup_dirs_fd(dirs, CGROUP_CPUSET);
	uint64_t hertz = (uint64_t)sysconf(_SC_CLK_TCK);

	cgroup_usage_number(account, "cpuacct.usage", 0, &u->cpu.total);
	cgroup_usage_key(account, "cpuacct.stat", "user", &u->cpu.user);
	cgroup_usage_key(account, "cpuacct.stat", "system", &u->cpu.kernel);
	u->cpu.user = u->cpu.user * NSEC_PER_SEC / hertz;
	u->cpu.kernel = u->cpu.kernel * NSEC_PER_SEC / hertz;
	if (account >= 0)
		usage_percpu(u, account);
	cgroup_usage_key(cpu, "cpu.stat", "nr_periods", &u->cpu.periods);
	cgroup_usage_key(cpu, "cpu.stat", "nr_throttled",
			 &u->cpu.throttled_periods);
	cgroup_usage_key(cpu, "cpu.stat", "throttled_time", &u->cpu.throttled);
	u->cpuset.cpus = cgroup_usage_text(set, "cpuset.cpus");
	u->cpuset.mems = cgroup_usage_text(set, "cpuset.mems");
}

/* ---- memory ---- */

static void usage_entry(struct cgroup_memory_entry *m, int fd, const char *stem)
{
	const struct {
		const char *file;
		uint64_t *ret;
	} parts[] = {
		{ "usage_in_bytes", &m->usage },
		{ "max_usage_in_bytes", &m->max },
		{ "limit_in_bytes", &m->limit },
		{ "failcnt", &m->failcnt },
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		auto_free char *file = xasprintf("%s.%s", stem, parts[i].file);

		cgroup_usage_number(fd, file, UINT64_MAX, parts[i].ret);
	}
}

static void usage_memory(struct cgroup_usage *u, int fd)
{
	auto_strv groups = STRV_INIT;

	usage_entry(&u->memory.usage, fd, "memory");
	usage_entry(&u->memory.swap, fd, "memory.memsw");
	usage_entry(&u->memory.kernel, fd, "memory.kmem");
	usage_entry(&u->memory.kernel_tcp, fd, "memory.kmem.tcp");
	cgroup_usage_raw(u, fd, "memory.stat");
	cgroup_usage_key(fd, "memory.stat", "cache", &u->memory.cache);
	if (fd < 0 || cgroup_tree_groups(fd, &groups, NULL) < 0)
		return;
	for (size_t i = 0; i < groups.n; i++) {
		auto_free char *file = xasprintf("%s/memory.oom_control",
						 groups.v[i]);
		uint64_t x = 0;

		cgroup_usage_key(fd, file, "oom_kill", &x);
		u->memory.oom_kills += x;
	}
}

/* ---- block devices ---- */

/* "8:0 Read 4096", "8:0 4096"; a last line "Total 4096" is for no device. */
static bool usage_io(struct cgroup_io_list *l, int fd, const char *file)
{
	auto_buf text = BUF_INIT;
	char *rest, *line;

	if (fd < 0 || file_read(fd, file, TEXT_MAX, &text, NULL) < 0)
		return false;
	rest = text.data;
	while ((line = strsep(&rest, "\n"))) {
		uint64_t major, minor, value;
		char op[16] = "";

		if (sscanf(line, "%" SCNu64 ":%" SCNu64 " %15[A-Za-z] %" SCNu64,
			   &major, &minor, op, &value) != 4) {
			op[0] = '\0';
			if (sscanf(line, "%" SCNu64 ":%" SCNu64 " %" SCNu64,
				   &major, &minor, &value) != 3)
				continue;
		}
		cgroup_usage_io_add(l, major, minor, op, value);
	}
	return l->n > 0;
}

/* Of each list the first file that has lines: which one counts depends on the
 * kernel and on the disks' scheduler. */
static void usage_block(struct cgroup_usage *u, int fd)
{
	const struct {
		struct cgroup_io_list *list;
		const char *files[3];
	} lists[] = {
		{ &u->io.service_bytes, {
			"blkio.bfq.io_service_bytes_recursive",
			"blkio.throttle.io_service_bytes_recursive",
			"blkio.throttle.io_service_bytes" } },
		{ &u->io.serviced, {
			"blkio.bfq.io_serviced_recursive",
			"blkio.throttle.io_serviced_recursive",
			"blkio.throttle.io_serviced" } },
		{ &u->io.queued, { "blkio.bfq.io_queued_recursive",
				   "blkio.io_queued_recursive" } },
		{ &u->io.service_time, { "blkio.bfq.io_service_time_recursive",
					 "blkio.io_service_time_recursive" } },
		{ &u->io.wait_time, { "blkio.bfq.io_wait_time_recursive",
				      "blkio.io_wait_time_recursive" } },
		{ &u->io.merged, { "blkio.bfq.io_merged_recursive",
				   "blkio.io_merged_recursive" } },
		{ &u->io.time, { "blkio.bfq.time_recursive",
				 "blkio.time_recursive" } },
		{ &u->io.sectors, { "blkio.bfq.sectors_recursive",
				    "blkio.sectors_recursive" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (size_t k = 0; k < 3 && lists[i].files[k]; k++)
			if (usage_io(lists[i].list, fd, lists[i].files[k]))
				break;
}

static void usage_hugetlb(struct cgroup_usage *u, int fd)
{
	cgroup_usage_sizes(u, fd, ".usage_in_bytes");
	for (size_t i = 0; i < u->n_hugetlb; i++) {
		auto_free char *stem = xasprintf("hugetlb.%s",
						 u->hugetlb[i].size);
		struct cgroup_memory_entry m = { .limit = 0 };

		usage_entry(&m, fd, stem);
		u->hugetlb[i].usage = m.usage;
		u->hugetlb[i].max = m.max;
		u->hugetlb[i].failcnt = m.failcnt;
	}
}

void cgroup_usage_v1(struct cgroup_usage *u, const struct cgroup_dirs *dirs)
{
	int pids = cgroup_dirs_fd(dirs, CGROUP_PIDS);

	usage_cpu(u, dirs);
	usage_memory(u, cgroup_dirs_fd(dirs, CGROUP_MEMORY));
	cgroup_usage_number(pids, "pids.current", 0, &u->pids.current);
	cgroup_usage_number(pids, "pids.max", 0, &u->pids.limit);
	usage_block(u, cgroup_dirs_fd(dirs, CGROUP_BLKIO));
	usage_hugetlb(u, cgroup_dirs_fd(dirs, CGROUP_HUGETLB));
}
