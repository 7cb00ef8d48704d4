#pragma once

/*
 * container_child.h - a process of an OCI container on its way: what is opened
 * for it, and the conversation with it until it waits or has been executed.
 */
#include "base/base.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/oci/container.h"
#include "runtime/oci/plan_oci.h"
#include "runtime/spawn.h"

struct container_child {
	struct plan_oci in;		/* what the plan is made from */
	struct plan plan;
	struct child_fds fds;
	struct spawn spawn;
	struct cgroup cgroup;
	struct seccomp_filter filter;
	char *home;
	unsigned low_limits;		/* 1 << RLIMIT_*: hard limits that could not be
					 * raised, and stay as they are */
	bool has_plan;
};

/* Everything empty. */
void container_child_init(struct container_child *k, const struct container *c,
			  const struct oci *oci, const struct oci_process *process);
void container_child_deinit(struct container_child *k);	/* no process is left */

/* Let the child enter the namespace of this kind that fd is, unless we are in it
 * already. Takes fd. */
void container_child_join(struct container_child *k, enum oci_namespace_kind kind,
			  int fd);
/* "mnt": its name in /proc/PID/ns. */
const char *container_child_namespace(enum oci_namespace_kind kind);

/* Open the namespaces that the configuration joins by path, except our own.
 * EINVAL: the file is a namespace of another kind. */
int container_child_namespaces(struct container_child *k, struct error *e);

/* Compile the filter, find out what the kernel has, find the user's home below
 * dir_fd (the root of the container), check the descriptors to be kept. */
int container_child_prepare(struct container_child *k, int dir_fd,
			    const struct container_io *io, const char *seccomp_cache,
			    struct error *e);

/* Plan and clone; set oom_score_adj. The child waits for its ids. */
int container_child_clone(struct container_child *k, struct error *e);

/* Let it go on, and answer it: terminals and listeners are sent where they
 * belong, hooks of the host are run. Returns SPAWN_WAITS or SPAWN_EXECUTED. */
int container_child_follow(struct container_child *k, struct container *c,
			   const struct container_io *io, struct error *e);
