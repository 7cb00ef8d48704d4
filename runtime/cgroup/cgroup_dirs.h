#pragma once

/*
 * cgroup_dirs.h - all trees of a version, and one group opened in them.
 *
 * What dynos (below a parent of ours) and containers (below the roots) have in
 * common works on these two.
 */
#include "base/base.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/cgroup_mounts.h"
#include "runtime/cgroup/cgroup_tree.h"

struct error;

#define CGROUP_TREES_MAX CGROUP_JOIN_MAX

struct cgroup_trees {
	enum cgroup_version version;
	struct cgroup_tree v[CGROUP_TREES_MAX];
	size_t n;
};

/* The hierarchies of this machine. v1 is used where its memory controller is
 * mounted (a hybrid host), else v2. ENOTSUP: there is none. */
int cgroup_dirs_mounts(struct cgroup_mounts *ret, enum cgroup_version *ret_version,
		       struct error *e);
void cgroup_trees_deinit(struct cgroup_trees *t);

struct cgroup_dirs {
	const struct cgroup_trees *trees;
	size_t n;				/* opened here: of the trees */
	int fds[CGROUP_TREES_MAX];		/* -1: not there */
};

/* Open what is there in the trees of these controllers (0: in all trees).
 * CGROUP_ABSENT: it is nowhere. */
int cgroup_dirs_open(struct cgroup_dirs *d, const struct cgroup_trees *t,
		     unsigned controllers, const char *path, struct error *e);
void cgroup_dirs_deinit(struct cgroup_dirs *d);
#define auto_cgroup_dirs auto_(cgroup_dirs_deinit) struct cgroup_dirs

#define CGROUP_DIRS_INIT ((struct cgroup_dirs){ .trees = NULL })

/* The directory in the tree that has one of these controllers (0: in the first
 * tree), or -1. */
int cgroup_dirs_fd(const struct cgroup_dirs *d, unsigned controllers);

/* Any directory in which processes can be listed: that of the freezer, the
 * unified one, or the first. */
int cgroup_dirs_procs(const struct cgroup_dirs *d);

/* How a process gets in. */
int cgroup_dirs_join(const struct cgroup_dirs *d, struct cgroup *ret,
		     struct error *e);
