#pragma once

/*
 * cgroup.h - resource limits of dynos: version 1, hybrid and 2 behind one face.
 *
 * A host object holds the parents "<prefix>" (in each v1 hierarchy that has a
 * controller we use, or in the unified one). Below it every dyno has a leaf
 * "<uuid>", which holds only the dyno's processes. On v2 the parent is below
 * our unit's delegated group if systemd started us in its subgroup "daemon"
 * (DelegateSubgroup=daemon), else below the root, as on v1: an older systemd
 * cannot start a unit again while something lives below the unit's own group.
 * Groups of others are never touched.
 */
#include "base/base.h"

#include <sys/types.h>

struct dyno_limits;
struct error;
struct cgroup_host;

#define CGROUP_JOIN_MAX 16		/* hierarchies */

enum cgroup_version { CGROUP_V1, CGROUP_V2 };

/* How the child gets in: by clone3(CLONE_INTO_CGROUP) with dir_fd if that is
 * not -1, and by writing "0" to each of procs_fds itself. v2: only the first;
 * v1: the others; a container on a hybrid host: both. */
struct cgroup {
	int dir_fd;				/* of the unified tree, or -1 */
	int procs_fds[CGROUP_JOIN_MAX];
	size_t n_procs_fds;
};

#define CGROUP_INIT ((struct cgroup){ .dir_fd = -1 })

int cgroup_host_open(struct cgroup_host **ret, const char *prefix,
		     struct error *e);
struct cgroup_host *cgroup_host_free(struct cgroup_host *h);
enum cgroup_version cgroup_host_version(const struct cgroup_host *h);
/* Whether the kernel keeps dynos from devices (v2: by an eBPF program, for which
 * a kernel or a container may have no room: then their /dev and the lack of
 * mknod are all that does). */
bool cgroup_host_devices(const struct cgroup_host *h);
/* Remove the parents. EBUSY while a leaf is there. */
int cgroup_host_wipe(struct cgroup_host *h, struct error *e);

/* Make the leaf with its limits. On failure nothing is left. Without limits
 * (NULL) they are still to come: whoever gets in must not run anything of a
 * dyno's before cgroup_limit(), which may then be done while it prepares. */
int cgroup_create(struct cgroup_host *h, const char *uuid,
		  const struct dyno_limits *limits, struct cgroup *ret,
		  struct error *e);
int cgroup_limit(struct cgroup_host *h, const char *uuid,
		 const struct dyno_limits *limits, struct error *e);
void cgroup_deinit(struct cgroup *c);		/* closes the descriptors */

/* Names of all leaves, for the census. */
struct strv;
int cgroup_list(struct cgroup_host *h, struct strv *ret, struct error *e);

/* SIGKILL to every process in the leaf, also those that fork meanwhile:
 * cgroup.kill, or freezer (freeze, kill, thaw: never left frozen). */
int cgroup_kill(struct cgroup_host *h, const char *uuid, struct error *e);

struct cgroup_stats {
	uint64_t oom_kills;		/* child groups of the dyno's included */
	uint64_t memory_peak;		/* bytes */
	uint64_t cpu_usec;
	uint64_t pids;			/* now */
	uint64_t rss, cache, swap;	/* bytes */
	uint64_t memory_stall_usec;	/* of all its time; or DYNO_STALL_UNKNOWN */
	uint64_t paged_in, paged_out;	/* pages; 0 on v2, which does not count */
};
int cgroup_stats(struct cgroup_host *h, const char *uuid,
		 struct cgroup_stats *ret, struct error *e);

/* How many of its threads run or wait for a processor at this moment. Of more than
 * CGROUP_THREADS_MAX only so many are looked at. */
#define CGROUP_THREADS_MAX 1024
int cgroup_runnable(struct cgroup_host *h, const char *uuid, uint64_t *ret,
		    struct error *e);

/* See cgroup_oom.h. */
struct cgroup_oom;
int cgroup_watch(struct cgroup_host *h, const char *uuid, struct cgroup_oom *ret,
		 struct error *e);

/* rmdir; child groups that the dyno made go first. EBUSY while a process is
 * in it. Absent = done. */
int cgroup_remove(struct cgroup_host *h, const char *uuid, struct error *e);
