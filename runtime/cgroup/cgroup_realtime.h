#pragma once

/*
 * cgroup_realtime.h - room for real-time processes on version 1.
 *
 * A group has none at first, and may have no more than its parent has left.
 * Whoever wants some for "/a/b/c" would have to raise "/a" and "/a/b" by hand.
 */
#include "base/base.h"
#include "runtime/cgroup/cgroup_dirs.h"

struct resources;

/* Raise the groups above path, the root apart, by as much as is missing there
 * for what r asks. Failing that, writing r's values will tell. */
void cgroup_realtime_make_room(const struct cgroup_trees *t, const char *path,
			       const struct resources *r);

/* Before the group is removed, as the kernel counts it for a while after: take
 * what it has, and lower those groups above it which have no more than the
 * groups below them, as make_room() leaves them. */
void cgroup_realtime_give_back(const struct cgroup_trees *t, const char *path);
