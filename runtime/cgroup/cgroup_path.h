#pragma once

/*
 * cgroup_path.h - where a container's group is. Pure: cgroup_group_path() says
 * what the rules are, and what is refused.
 */
#include "base/base.h"
#include "runtime/cgroup/cgroup.h"

struct error;

struct cgroup_path_input {
	const char *path;		/* linux.cgroupsPath, or NULL */
	const char *id, *prefix;
	bool systemd;
	enum cgroup_version version;
	const char *own;		/* our own group in the unified tree */
};

/* The caller frees *ret. */
int cgroup_path_resolve(const struct cgroup_path_input *in, char **ret,
			struct error *e);

/* "a-b.slice" -> "/a.slice/a-b.slice", "-.slice" -> "". */
int cgroup_path_slice(const char *slice, char **ret, struct error *e);
