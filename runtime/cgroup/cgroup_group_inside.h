#pragma once

/*
 * cgroup_group_inside.h - struct cgroup_group for the files that implement it.
 */
#include "base/base.h"
#include "runtime/cgroup/cgroup_dirs.h"

struct cgroup_group {
	struct cgroup_trees trees;	/* at the hierarchies' roots */
	char *name;			/* "/user/c1" */
	const char *path;		/* "user/c1", in name */
};

/* ENOENT: there is no such group. */
int cgroup_group_dirs(const struct cgroup_group *g, unsigned controllers,
		      struct cgroup_dirs *ret, struct error *e);
