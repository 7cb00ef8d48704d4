#include "runtime/cgroup/cgroup_limits.h"
#include "runtime/runtime.h"

#include <stdio.h>

/* What the kernel accepts; a value outside is brought to the nearest. */
#define SHARES_MIN 2
#define SHARES_MAX 262144
#define WEIGHT_MIN 1
#define WEIGHT_MAX 10000

/* A dyno has no way to make groups; should it find one, they are few, and so
 * are the dead ones that memory keeps charged to. */
#define DESCENDANTS_MAX "16"

#define TCP_PART 4		/* of the quota: v1 counts it apart, or not at all */

#define USE(t, maj, min) \
	{ .allow = true, .type = t, .major = maj, .minor = min, \
	  .read = true, .write = true }

/* No mknod: all that a dyno needs is in its /dev. */
static const struct resources_device devices[] = {
	USE('c', 1, 3),			/* null */
	USE('c', 1, 5),			/* zero */
	USE('c', 1, 7),			/* full */
	USE('c', 1, 8),			/* random */
	USE('c', 1, 9),			/* urandom */
	USE('c', 5, 0),			/* tty */
	USE('c', 5, 2),			/* ptmx */
	USE('c', 136, -1),		/* pts */
};

const struct resources_device *cgroup_limits_devices(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(devices);
	return devices;
}

static uint64_t limits_clamp(uint64_t x, uint64_t min, uint64_t max)
{
	return x < min ? min : x > max ? max : x;
}

/* 0 would be "not given" further on, and a dyno without that limit. */
static struct maybe limits_some(uint64_t x)
{
	return (struct maybe){ .set = true, .value = x ? (int64_t)x : 1 };
}

static void limits_pair(struct cgroup_limits *l, const char *key,
			const char *value)
{
	assert(l->resources.n_unified < CGROUP_LIMITS_PAIRS);
	l->unified[l->resources.n_unified++] =
		(struct resources_pair){ key, value };
	l->resources.unified = l->unified;
}

static void limits_v1(struct resources *r, const struct dyno_limits *limits,
		      const struct cgroup_limits_host *host, uint64_t hard)
{
	if (host->soft_limit)
		r->memory.reservation = limits_some(limits->memory);
	if (host->swap)
		r->memory.swap = limits_some(hard);
	if (host->tcp)
		r->memory.kernel_tcp = limits_some(limits->memory / TCP_PART);
	if (host->cpu)
		r->cpu.shares = limits_some(limits_clamp(limits->cpu_shares,
							 SHARES_MIN, SHARES_MAX));
}

static void limits_v2(struct cgroup_limits *l, const struct dyno_limits *limits,
		      const struct cgroup_limits_host *host, uint64_t hard)
{
	uint64_t weight = limits_clamp((uint64_t)limits->cpu_shares * 100 / 1024,
				       WEIGHT_MIN, WEIGHT_MAX);

	l->resources.memory.swap = limits_some(hard);
	limits_pair(l, "memory.oom.group", "1");
	limits_pair(l, "cgroup.max.descendants", DESCENDANTS_MAX);
	if (!host->cpu)
		return;
	snprintf(l->weight, sizeof(l->weight), "%llu",
		 (unsigned long long)weight);
	limits_pair(l, "cpu.weight", l->weight);
}

void cgroup_limits_fill(struct cgroup_limits *ret,
			const struct dyno_limits *limits,
			const struct cgroup_limits_host *host)
{
	uint64_t hard = limits->memory_swap > limits->memory
		? limits->memory_swap : limits->memory;

	memset(ret, 0, sizeof(*ret));
	ret->resources.memory.limit = limits_some(hard);
	ret->resources.pids = limits_some(limits->pids);
	if (host->version == CGROUP_V1)
		limits_v1(&ret->resources, limits, host, hard);
	else
		limits_v2(ret, limits, host, hard);
}
