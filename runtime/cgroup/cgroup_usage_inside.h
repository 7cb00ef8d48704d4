#pragma once

/*
 * cgroup_usage_inside.h - the readers of single files, for the two versions.
 *
 * Each leaves alone what it is to fill in when its file is missing or odd: a
 * statistic that cannot be had is no reason to have none.
 */
#include "base/base.h"
#include "runtime/cgroup/cgroup_usage.h"

void cgroup_usage_v1(struct cgroup_usage *u, const struct cgroup_dirs *dirs);
void cgroup_usage_v2(struct cgroup_usage *u, const struct cgroup_dirs *dirs);

/* A number; "max" is none. */
void cgroup_usage_number(int fd, const char *file, uint64_t none, uint64_t *ret);
void cgroup_usage_key(int fd, const char *file, const char *key, uint64_t *ret);
/* The text without its last line break, or NULL. The caller frees it. */
char *cgroup_usage_text(int fd, const char *file);
/* All lines "key number". */
void cgroup_usage_raw(struct cgroup_usage *u, int fd, const char *file);
void cgroup_usage_io_add(struct cgroup_io_list *l, uint64_t major,
			 uint64_t minor, const char *op, uint64_t value);
void cgroup_usage_pressure(int fd, const char *file, struct cgroup_pressure *p);
/* The page sizes for which there is hugetlb.<size><suffix>. */
void cgroup_usage_sizes(struct cgroup_usage *u, int fd, const char *suffix);
