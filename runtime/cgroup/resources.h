#pragma once

/*
 * resources.h - limits of a container in the terms of the OCI runtime
 * specification (config-linux.md, "Control groups"), for both cgroup versions.
 *
 * Everything is borrowed: strings and arrays live as long as the struct oci
 * that was parsed, or whatever else filled this in.
 */
#include "base/base.h"

#include <sys/types.h>

/* A number that may be absent. */
struct maybe {
	bool set;
	int64_t value;			/* -1: no limit, where that has a meaning */
};

struct resources_device {
	bool allow;
	char type;			/* 'a', 'b', 'c'; 'a' = all */
	int64_t major, minor;		/* -1: any */
	bool read, write, mknod;
};

struct resources_weight {
	int64_t major, minor;
	struct maybe weight, leaf_weight;
};

struct resources_rate {
	int64_t major, minor;
	uint64_t rate;			/* bytes or operations a second */
};

struct resources_rates {
	const struct resources_rate *v;
	size_t n;
};

struct resources_hugetlb {
	const char *page_size;		/* "2MB" */
	uint64_t limit;
};

struct resources_priority {
	const char *name;		/* of the interface */
	uint32_t priority;
};

struct resources_rdma {
	const char *name;
	struct maybe handles, objects;
};

struct resources_pair {
	const char *key, *value;
};

struct resources {
	struct {
		struct maybe limit, reservation, swap;	/* bytes; swap = memory + swap */
		struct maybe kernel, kernel_tcp, swappiness;
		struct maybe disable_oom_killer, use_hierarchy;	/* 0, 1 */
		struct maybe check_before_update;
	} memory;
	struct {
		struct maybe shares, quota, burst, period;	/* usec */
		struct maybe realtime_runtime, realtime_period, idle;
		const char *cpus, *mems;		/* NULL: as they are */
	} cpu;
	struct maybe pids;
	struct {
		struct maybe weight, leaf_weight;	/* 10..1000 */
		const struct resources_weight *devices;
		size_t n_devices;
		struct resources_rates read_bps, write_bps, read_iops, write_iops;
	} block;
	const struct resources_device *devices;	/* in order: the last that fits counts */
	size_t n_devices;
	const struct resources_hugetlb *hugetlb;
	size_t n_hugetlb;
	const struct resources_rdma *rdma;
	size_t n_rdma;
	struct maybe class_id;			/* net_cls */
	const struct resources_priority *priorities;	/* net_prio */
	size_t n_priorities;
	const struct resources_pair *unified;	/* file name and text, v2 only */
	size_t n_unified;
};
