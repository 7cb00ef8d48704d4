#pragma once

/*
 * cgroup_make.h - the directories of a group, and of whatever is missing above
 * it, in all trees.
 */
#include "base/base.h"
#include "runtime/cgroup/cgroup_dirs.h"

struct error;

/* What was made, so that it can be taken back. */
struct cgroup_made {
	struct {
		size_t tree, len;	/* of the path up to what was made */
	} *v;
	size_t n;
};

#define CGROUP_MADE_INIT ((struct cgroup_made){ .n = 0 })

/* path has no leading slash. v1: empty cpusets become what the parent has, in
 * the groups on the way too; v2: all controllers are passed on to the group, as
 * far as groups without processes allow. */
int cgroup_make(struct cgroup_trees *t, const char *path,
		struct cgroup_made *made, struct error *e);

/* Remove what was made, if nobody uses it by now. */
void cgroup_made_undo(struct cgroup_made *made, struct cgroup_trees *t,
		      const char *path);
void cgroup_made_deinit(struct cgroup_made *made);
