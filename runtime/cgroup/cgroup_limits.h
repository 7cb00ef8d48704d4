#pragma once

/*
 * cgroup_limits.h - from a dyno's limits to struct resources. Pure.
 *
 * Memory, v1: the quota is the soft limit (above it a dyno is the first to be
 * reclaimed from when the host is short), the hard limit stands for memory
 * alone and for memory + swap, since a host without swap would otherwise kill
 * at the quota. TCP's buffers, which v1 does not count as memory, have a limit
 * beside it: else a dyno could take all that the host has for TCP. v2 (which
 * counts them): memory.max is the hard limit, without swap, so that memory
 * + swap never exceeds it. memory.high stays unset: at the quota a dyno is to
 * be slow and told (R14), but the throttling of memory.high without swap makes
 * it hang. If one process is killed for want of memory, all of the dyno are.
 *
 * Processors: 1024 shares are v2's weight of 100, twice as many twice that.
 * Containers' shares follow another curve (cgroup_settings.h), since they
 * compete with whatever else is on the machine.
 */
#include "base/base.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/resources.h"

struct dyno_limits;

#define CGROUP_LIMITS_PAIRS 3

struct cgroup_limits {
	struct resources resources;	/* points into the rest */
	struct resources_pair unified[CGROUP_LIMITS_PAIRS];
	char weight[16];
};

/* What the machine has of what is good but not necessary. */
struct cgroup_limits_host {
	enum cgroup_version version;
	bool cpu;			/* the controller */
	bool soft_limit, swap, tcp;	/* v1: the files */
};

void cgroup_limits_fill(struct cgroup_limits *ret,
			const struct dyno_limits *limits,
			const struct cgroup_limits_host *host);

/* The only devices of a dyno, for its instance's parent group. */
const struct resources_device *cgroup_limits_devices(size_t *ret_n);
