#pragma once

/*
 * cgroup_host.h - what cgroup.c and the two versions behind it share.
 *
 * What all dynos of an instance have in common is set once, on their parent:
 * the devices. On v1 their hierarchy, if it is for nothing else, needs no leaf
 * then: dynos are in the parent itself.
 */
#include "base/base.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/cgroup_dirs.h"
#include "runtime/cgroup/cgroup_limits.h"

#define CGROUP_TREE_NONE ((size_t)-1)

struct cgroup_driver {
	/* Opens the trees, sets what is common, and fills in the rest. */
	int (*open)(struct cgroup_host *h, const struct cgroup_mounts *m,
		    struct error *e);
	int (*stats)(struct cgroup_host *h, const char *uuid,
		     struct cgroup_stats *ret, struct error *e);
};

struct cgroup_host {
	const struct cgroup_driver *driver;
	char *prefix;
	struct cgroup_trees trees;
	struct cgroup_limits_host facts;
	size_t common;			/* index of the tree without leaves */
	bool devices;			/* the parent has the rules */
	bool leaf_devices;		/* v1: each leaf needs them */
};

extern const struct cgroup_driver cgroup_v1_driver;
extern const struct cgroup_driver cgroup_v2_driver;
