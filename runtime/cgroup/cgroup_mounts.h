#pragma once

/*
 * cgroup_mounts.h - which hierarchies this machine has. Pure: text in.
 */
#include "base/base.h"

#define CGROUP_MOUNTS_MAX 16

struct cgroup_mount {
	char *path;
	bool unified;
	unsigned controllers;	/* v1: mask of those we know, or CGROUP_NAMED */
	unsigned major, minor;	/* the same hierarchy has the same numbers */
};

struct cgroup_mounts {
	struct cgroup_mount v[CGROUP_MOUNTS_MAX];
	size_t n;
};

#define CGROUP_MOUNTS_INIT ((struct cgroup_mounts){ .n = 0 })

/* From the text of /proc/self/mountinfo. Of several mounts of a hierarchy the
 * first counts; v1 hierarchies of controllers we do not know are left out. */
void cgroup_mounts_parse(struct cgroup_mounts *m, const char *mountinfo);
void cgroup_mounts_deinit(struct cgroup_mounts *m);
const struct cgroup_mount *cgroup_mounts_unified(const struct cgroup_mounts *m);

/* All v1 controllers that are mounted. */
unsigned cgroup_mounts_v1(const struct cgroup_mounts *m);

/* Our own group in the unified hierarchy, from /proc/self/cgroup: "/a/b", or
 * "/" if there is none. The caller frees it. */
char *cgroup_mounts_own(const char *proc_cgroup);

/* A field of mountinfo as it is meant: "\040" is a blank. */
char *cgroup_mounts_unescape(const char *s, size_t n);
