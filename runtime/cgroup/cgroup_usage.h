#pragma once

/*
 * cgroup_usage.h - what a group uses, in the terms of "runc events --stats".
 *
 * Numbers that this machine does not have are 0, lists empty. "No limit" is
 * UINT64_MAX for memory (v1: what the kernel has for it, 2^63 less a page), 0
 * for pids. All that is pointed to belongs to struct
 * cgroup_usage.
 */
#include "base/base.h"
#include "runtime/cgroup/cgroup.h"

#include <sys/types.h>

struct cgroup_memory_entry {
	uint64_t limit, usage, max, failcnt;	/* bytes; times */
};

struct cgroup_raw {				/* a line of memory.stat */
	char *key;
	uint64_t value;
};

/* A line of a blkio or io.stat file. */
struct cgroup_io_entry {
	uint64_t major, minor;
	char op[16];			/* "Read", "Write", "Sync", ... */
	uint64_t value;
};

struct cgroup_io_list {
	struct cgroup_io_entry *v;
	size_t n;
};

struct cgroup_hugetlb_entry {
	char *size;			/* "2MB" */
	uint64_t usage, max, failcnt;
};

/* Pressure (version 2): shares of time in per cent, total in microseconds. */
struct cgroup_pressure {
	bool known;
	struct {
		double avg10, avg60, avg300;
		uint64_t total;
	} some, full;
};

struct cgroup_usage {
	enum cgroup_version version;
	struct {
		uint64_t total, kernel, user;		/* nanoseconds */
		uint64_t *percpu, *percpu_kernel, *percpu_user;	/* v1 */
		size_t n_percpu;
		uint64_t periods, throttled_periods, throttled;	/* .., nanoseconds */
		struct cgroup_pressure pressure;
	} cpu;
	struct {
		char *cpus, *mems;		/* "0-1"; NULL: no controller */
	} cpuset;
	struct {
		uint64_t cache;
		struct cgroup_memory_entry usage, swap;	/* swap: v1 memory + swap,
							 * v2 as runc: both added */
		struct cgroup_memory_entry kernel, kernel_tcp;	/* v1 */
		struct cgroup_raw *raw;
		size_t n_raw;
		uint64_t oom_kills;		/* groups below it included */
		struct cgroup_pressure pressure;
	} memory;
	struct {
		uint64_t current, limit;
	} pids;
	struct {
		struct cgroup_io_list service_bytes, serviced;	/* "...Recursive" */
		struct cgroup_io_list queued, service_time, wait_time, merged;
		struct cgroup_io_list time, sectors;		/* v1, if at all */
		struct cgroup_pressure pressure;
	} io;
	struct cgroup_hugetlb_entry *hugetlb;
	size_t n_hugetlb;
};

struct cgroup_dirs;
struct error;

/* What of it there is in the group's directories. */
struct cgroup_usage *cgroup_usage_read(const struct cgroup_dirs *dirs);
struct cgroup_usage *cgroup_usage_free(struct cgroup_usage *u);
DEFINE_AUTO(struct cgroup_usage, cgroup_usage_free)
