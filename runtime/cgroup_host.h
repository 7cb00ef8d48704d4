#pragma once

/*
 * cgroup_host.h - what cgroup.c and the two versions behind it share.
 *
 * A version is a table of control files, and the three things that differ in
 * more than names: how its trees are opened, how a leaf is killed, and where
 * its counters are.
 */
#include "base/base.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_limits.h"
#include "runtime/cgroup_mounts.h"
#include "runtime/cgroup_tree.h"

#define CGROUP_TREES_MAX CGROUP_JOIN_MAX

struct cgroup_driver {
	enum cgroup_version version;
	const struct cgroup_setting *settings;
	size_t n_settings;
	int (*open)(struct cgroup_host *h, const struct cgroup_mounts *m,
		    struct error *e);
	int (*kill)(struct cgroup_host *h, const char *uuid, struct error *e);
	int (*stats)(struct cgroup_host *h, const char *uuid,
		     struct cgroup_stats *ret, struct error *e);
};

struct cgroup_host {
	const struct cgroup_driver *driver;
	char *prefix;
	struct cgroup_tree trees[CGROUP_TREES_MAX];
	size_t n_trees;
};

extern const struct cgroup_driver cgroup_v1_driver;
extern const struct cgroup_driver cgroup_v2_driver;
