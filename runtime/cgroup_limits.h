#pragma once

/*
 * cgroup_limits.h - from a dyno's limits to the text of control files. Pure,
 * except for cgroup_limits_apply().
 */
#include "base/base.h"

#define CGROUP_LIMIT_TEXT_MAX 64

struct dyno_limits;
struct error;

enum cgroup_value {
	CGROUP_VALUE_TEXT,		/* the row's own text */
	CGROUP_VALUE_MEMORY,		/* the quota */
	CGROUP_VALUE_MEMORY_SWAP,	/* the hard limit */
	CGROUP_VALUE_PIDS,
	CGROUP_VALUE_SHARES,		/* v1: 1024 = 1x */
	CGROUP_VALUE_WEIGHT,		/* v2: 100 = 1x */
};

/* One control file; a table of these is a version's set of limits, written in
 * its order. */
struct cgroup_setting {
	unsigned controller;		/* enum cgroup_controller */
	const char *file;
	enum cgroup_value value;
	const char *text;
	bool optional;			/* not in every kernel */
};

/* Returns out. */
const char *cgroup_limits_text(const struct cgroup_setting *s,
			       const struct dyno_limits *limits,
			       char out[CGROUP_LIMIT_TEXT_MAX]);

/* Write the settings of these controllers to the group fd. */
int cgroup_limits_apply(int fd, unsigned controllers,
			const struct cgroup_setting *settings, size_t n,
			const struct dyno_limits *limits, struct error *e);
