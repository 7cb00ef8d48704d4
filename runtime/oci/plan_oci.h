#pragma once

/*
 * plan_oci.h - the plan of an OCI container's process, the first or one more.
 *
 * Pure: from the configuration and from what the parent has opened. Everything
 * that comes from the host (the root file system, bind mounts) arrives as
 * detached mounts with their attributes; what belongs to the container's
 * namespaces (proc, tmpfs, devpts...) the child mounts itself.
 */
#include "base/base.h"
#include "base/strv.h"
#include "runtime/oci/oci.h"
#include "runtime/plan.h"

#include <sys/types.h>

struct cgroup;
struct error;

/* One hierarchy that a mount of type "cgroup" shows. */
struct plan_hierarchy {
	const char *name;		/* of its directory: "cpu,cpuacct", "unified" */
	const char *options;		/* "cpu,cpuacct", "none,name=systemd"; NULL: v2 */
	int fd;				/* detached group of the container; -1: mount it
					 * in the container's cgroup namespace */
};

/* What the parent opened for linux.mounts[i]. */
struct plan_source {
	int fd;				/* detached; -1: the child mounts it */
	bool is_file;
};

/* Borrowed; it must outlive the plan. */
struct plan_oci {
	const struct oci *oci;
	const struct oci_process *process;
	const char *id;
	const struct cgroup *cgroup;	/* NULL: stay where we are */
	const char *rootfs;		/* absolute */
	int root_fd;			/* detached root file system */
	int void_fd, null_fd;		/* what masks show; -1: the child makes it */
	const struct plan_source *sources;	/* one for each mount */
	const int *devices;		/* detached nodes, one for each of
					 * oci->devices; NULL, -1: the child's task */
	const struct plan_hierarchy *hierarchies;
	size_t n_hierarchies;
	bool cgroup_v2;			/* the host's */
	int namespace_fds[OCI_NS_KINDS];	/* to join; -1: none */
	bool waits;			/* for "start" */
	const struct seccomp_filter *filter;	/* or NULL */
	const void *net;		/* netlink messages for a new network */
	size_t net_len;
	unsigned net_acks;
	const char *home;		/* of the user; for an environment without */
	bool has_apparmor, has_selinux;	/* of the kernel */
	bool exec;			/* one more process: no root is built */
	bool no_pivot, no_new_keyring;
	struct strv reveals;		/* with no_pivot: see container_reveal.h */
	unsigned preserve_fds;
	bool foreground;		/* lines end at the caller's terminal */
};

/* Fills *ret, which plan_deinit() empties. ENOTSUP, EINVAL: the configuration
 * asks for what cannot be, with its JSON path. */
int plan_oci_build(struct plan *ret, const struct plan_oci *in, struct error *e);
