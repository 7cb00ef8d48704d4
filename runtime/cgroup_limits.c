#include "runtime/cgroup_limits.h"
#include "base/error.h"
#include "runtime/cgroup_tree.h"
#include "runtime/runtime.h"

#include <stdio.h>

/* What the kernel accepts; a value outside is brought to the nearest. */
#define SHARES_MIN 2
#define SHARES_MAX 262144
#define WEIGHT_MIN 1
#define WEIGHT_MAX 10000

static uint64_t limits_clamp(uint64_t x, uint64_t min, uint64_t max)
{
	return x < min ? min : x > max ? max : x;
}

static uint64_t limits_value(enum cgroup_value value,
			     const struct dyno_limits *l)
{
	switch (value) {
	case CGROUP_VALUE_MEMORY:
		return l->memory;
	case CGROUP_VALUE_MEMORY_SWAP:
		return l->memory_swap > l->memory ? l->memory_swap : l->memory;
	case CGROUP_VALUE_PIDS:
		return l->pids;
	case CGROUP_VALUE_SHARES:
		return limits_clamp(l->cpu_shares, SHARES_MIN, SHARES_MAX);
	case CGROUP_VALUE_WEIGHT:
		return limits_clamp((uint64_t)l->cpu_shares * 100 / 1024,
				    WEIGHT_MIN, WEIGHT_MAX);
	case CGROUP_VALUE_TEXT:
		break;
	}
	return 0;
}

const char *cgroup_limits_text(const struct cgroup_setting *s,
			       const struct dyno_limits *limits,
			       char out[CGROUP_LIMIT_TEXT_MAX])
{
	if (s->value == CGROUP_VALUE_TEXT)
		snprintf(out, CGROUP_LIMIT_TEXT_MAX, "%s", s->text);
	else
		snprintf(out, CGROUP_LIMIT_TEXT_MAX, "%llu", (unsigned long long)
			 limits_value(s->value, limits));
	return out;
}

int cgroup_limits_apply(int fd, unsigned controllers,
			const struct cgroup_setting *settings, size_t n,
			const struct dyno_limits *limits, struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		const struct cgroup_setting *s = &settings[i];
		char text[CGROUP_LIMIT_TEXT_MAX];
		int r;

		if (!(s->controller & controllers))
			continue;
		cgroup_limits_text(s, limits, text);
		r = cgroup_tree_write(fd, s->file, text,
				      s->optional ? NULL : e);
		if (r < 0 && !s->optional)
			return r;
	}
	return 0;
}
