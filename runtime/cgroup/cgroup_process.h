#pragma once

/*
 * cgroup_process.h - the processes of a group: list, signal, freeze, kill.
 *
 * Each of these is about the whole subtree of the group.
 */
#include "base/base.h"
#include "runtime/cgroup/cgroup_dirs.h"

#include <sys/types.h>

struct error;

/* All processes, each once, in ascending order. A process that is not in our
 * PID namespace is left out. The caller frees *ret. */
int cgroup_process_list(const struct cgroup_dirs *d, pid_t **ret, size_t *ret_n,
			struct error *e);

/* Each gets the signal once, also those that turn up while we go round. */
int cgroup_process_signal(const struct cgroup_dirs *d, int sig, struct error *e);

/* cgroup.kill, or freezer (freeze, kill, thaw: never left frozen). */
int cgroup_process_kill(const struct cgroup_dirs *d, struct error *e);

/* ETIMEDOUT: some did not stand still in time; all are thawed again. */
int cgroup_process_freeze(const struct cgroup_dirs *d, unsigned wait_msec,
			  struct error *e);
/* v1, for killing: a process that does not stand still in time makes no
 * difference (no message either), and nothing is thawed: while a group is about
 * to be frozen, whoever forks is frozen before it returns. */
int cgroup_process_hold(const struct cgroup_dirs *d, unsigned wait_msec,
			struct error *e);
/* Only the group itself: one below it that was frozen by itself stays so. */
int cgroup_process_thaw(const struct cgroup_dirs *d, struct error *e);
bool cgroup_process_frozen(const struct cgroup_dirs *d);
