#pragma once

/*
 * dynorun_stats.h - the usage of a container in the JSON of "runc events".
 */
#include <jansson.h>

struct cgroup_usage;

/* A new reference. */
json_t *dynorun_stats(const struct cgroup_usage *u);
