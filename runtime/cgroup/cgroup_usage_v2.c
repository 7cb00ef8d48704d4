/*
 * cgroup_usage_v2.c - the counters of version 2, in the terms of version 1.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/cgroup/cgroup_dirs.h"
#include "runtime/cgroup/cgroup_usage_inside.h"

#include <inttypes.h>
#include <stdio.h>

#define TEXT_MAX (1024 * 1024)

static void usage_cpu(struct cgroup_usage *u, int fd)
{
	const struct {
		const char *key;
		uint64_t *ret;
	} times[] = {
		{ "usage_usec", &u->cpu.total },
		{ "user_usec", &u->cpu.user },
		{ "system_usec", &u->cpu.kernel },
		{ "throttled_usec", &u->cpu.throttled },
	};

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		cgroup_usage_key(fd, "cpu.stat", times[i].key, times[i].ret);
		*times[i].ret *= NSEC_PER_USEC;
	}
	cgroup_usage_key(fd, "cpu.stat", "nr_periods", &u->cpu.periods);
	cgroup_usage_key(fd, "cpu.stat", "nr_throttled",
			 &u->cpu.throttled_periods);
	cgroup_usage_pressure(fd, "cpu.pressure", &u->cpu.pressure);
	u->cpuset.cpus = cgroup_usage_text(fd, "cpuset.cpus.effective");
	u->cpuset.mems = cgroup_usage_text(fd, "cpuset.mems.effective");
}

/* Version 1 counts memory and swap together, and so does who reads this. */
static void usage_memory(struct cgroup_usage *u, int fd)
{
	struct cgroup_memory_entry *m = &u->memory.usage, *s = &u->memory.swap;

	cgroup_usage_number(fd, "memory.current", 0, &m->usage);
	cgroup_usage_number(fd, "memory.max", UINT64_MAX, &m->limit);
	cgroup_usage_number(fd, "memory.peak", 0, &m->max);
	cgroup_usage_key(fd, "memory.events", "max", &m->failcnt);
	cgroup_usage_key(fd, "memory.events", "oom_kill", &u->memory.oom_kills);
	cgroup_usage_number(fd, "memory.swap.current", 0, &s->usage);
	cgroup_usage_number(fd, "memory.swap.max", UINT64_MAX, &s->limit);
	cgroup_usage_key(fd, "memory.swap.events", "max", &s->failcnt);
	s->usage += m->usage;
	s->limit = s->limit == UINT64_MAX || m->limit == UINT64_MAX
		? UINT64_MAX : s->limit + m->limit;
	cgroup_usage_raw(u, fd, "memory.stat");
	cgroup_usage_key(fd, "memory.stat", "file", &u->memory.cache);
	cgroup_usage_pressure(fd, "memory.pressure", &u->memory.pressure);
}

/* "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0" */
static void usage_io_line(struct cgroup_usage *u, char *line)
{
	const struct {
		const char *key, *op;
		struct cgroup_io_list *list;
	} keys[] = {
		{ "rbytes=", "Read", &u->io.service_bytes },
		{ "wbytes=", "Write", &u->io.service_bytes },
		{ "dbytes=", "Discard", &u->io.service_bytes },
		{ "rios=", "Read", &u->io.serviced },
		{ "wios=", "Write", &u->io.serviced },
		{ "dios=", "Discard", &u->io.serviced },
	};
	uint64_t major, minor, value;
	char *word;

	if (sscanf(line, "%" SCNu64 ":%" SCNu64 " ", &major, &minor) != 2)
		return;
	while ((word = strsep(&line, " "))) {
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
			const char *number = str_after(word, keys[i].key);

			if (number && sscanf(number, "%" SCNu64, &value) == 1)
				cgroup_usage_io_add(keys[i].list, major, minor,
						    keys[i].op, value);
		}
	}
}

static void usage_io(struct cgroup_usage *u, int fd)
{
	auto_buf text = BUF_INIT;
	char *rest, *line;

	cgroup_usage_pressure(fd, "io.pressure", &u->io.pressure);
	if (fd < 0 || file_read(fd, "io.stat", TEXT_MAX, &text, NULL) < 0)
		return;
	rest = text.data;
	while ((line = strsep(&rest, "\n")))
		usage_io_line(u, line);
}

static void usage_hugetlb(struct cgroup_usage *u, int fd)
{
	cgroup_usage_sizes(u, fd, ".current");
	for (size_t i = 0; i < u->n_hugetlb; i++) {
		struct cgroup_hugetlb_entry *h = &u->hugetlb[i];
		auto_free char *now = xasprintf("hugetlb.%s.current", h->size);
		auto_free char *events = xasprintf("hugetlb.%s.events", h->size);

		cgroup_usage_number(fd, now, 0, &h->usage);
		cgroup_usage_key(fd, events, "max", &h->failcnt);
	}
}

void cgroup_usage_v2(struct cgroup_usage *u, const struct cgroup_dirs *dirs)
{
	int fd = cgroup_dirs_fd(dirs, CGROUP_UNIFIED);

	usage_cpu(u, fd);
	usage_memory(u, fd);
	cgroup_usage_number(fd, "pids.current", 0, &u->pids.current);
	cgroup_usage_number(fd, "pids.max", 0, &u->pids.limit);
	usage_io(u, fd);
	usage_hugetlb(u, fd);
}
