#pragma once

/*
 * cgroup_oom.h - being told that a group had no memory left.
 */
#include "base/base.h"

struct error;

/* A descriptor that becomes readable when processes were killed for want of
 * memory. Keep it and call cgroup_oom_read() each time. */
struct cgroup_oom {
	int fd;				/* poll for POLLIN; -1 = none */
	int dir_fd;			/* of the memory controller's group */
	bool unified;
	uint64_t kills;			/* seen so far */
};

#define CGROUP_OOM_INIT ((struct cgroup_oom){ .fd = -1, .dir_fd = -1 })
#define CGROUP_OOM_GONE 1		/* it was removed, or (v2) its last process has
					 * ended: stop watching */

/* dir_fd: of the group with the memory controller; it is duplicated. */
int cgroup_oom_open(struct cgroup_oom *ret, int dir_fd, bool unified,
		    struct error *e);
void cgroup_oom_deinit(struct cgroup_oom *o);

/* *ret_new: kills since the last call; 0 if it was something else. On version 1
 * it is the times that the group had no memory left, without those of groups
 * below it. CGROUP_OOM_GONE may never come if the last process of all was
 * killed: watch that too. */
int cgroup_oom_read(struct cgroup_oom *o, uint64_t *ret_new, struct error *e);
