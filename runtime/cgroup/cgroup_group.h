#pragma once

/*
 * cgroup_group.h - the control group of an OCI container, for dynorun.
 *
 * A group is one path below the root of every hierarchy that this machine has:
 * on version 1 all the mounted ones, named ones (name=systemd) included, and
 * on a hybrid host the unified one too; on version 2 the unified one alone.
 * Limits come as struct resources and go through the same writer as those of
 * dynos (cgroup_settings.h).
 *
 * Errors name the property, the file and the cause: "linux.resources.memory
 * .swap: no memory.memsw.limit_in_bytes on this machine". What this machine
 * cannot do is an error (ENOTSUP), except for what runc and crun pass over: see
 * cgroup_settings.h, which also has the conversions from version 1 to 2.
 */
#include "base/base.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/cgroup_oom.h"
#include "runtime/cgroup/resources.h"

#include <sys/types.h>

struct cgroup_group;
struct cgroup_usage;
struct error;

/*
 * The path of a container's group, "/user/c1", from linux.cgroupsPath:
 *
 *   NULL, ""         "/<prefix>/<id>"
 *   "/a/b"           as it is
 *   "a/b"            version 2: beside our own group, which has processes and
 *                    therefore no child with limits (as runc); version 1:
 *                    "/a/b" (as crun), for one path in all hierarchies
 *   systemd = true   "slice:prefix:name", or NULL for "system.slice:<prefix>:<id>":
 *                    "/a.slice/a-b.slice/prefix-name.scope" for the slice
 *                    "a-b.slice"; no slice: system.slice; no prefix:
 *                    "name.scope"; a name that ends in ".slice" stays.
 *
 * For systemd the group is made in the file system directly: there is no unit,
 * systemctl does not show it, and it gets none of the slice's properties.
 * Slashes in a row become one. EINVAL: "..", ".", or not of the form asked for.
 * The caller frees *ret.
 */
int cgroup_group_path(const char *cgroups_path, const char *id,
		      const char *prefix, bool systemd, char **ret,
		      struct error *e);

/* Find the hierarchies. Makes nothing; the group need not be there. */
int cgroup_group_open(struct cgroup_group **ret, const char *path,
		      struct error *e);
struct cgroup_group *cgroup_group_free(struct cgroup_group *g);
DEFINE_AUTO(struct cgroup_group, cgroup_group_free)
enum cgroup_version cgroup_group_version(const struct cgroup_group *g);
const char *cgroup_group_name(const struct cgroup_group *g);	/* its path */

/* ---- making ---- */

/* The group was there and holds processes (runc 1.1 warns: "container's cgroup
 * is not empty"). It was used all the same. */
#define CGROUP_GROUP_OCCUPIED 1

/*
 * Make the group and whatever is missing above it, set its limits, and hand out
 * how a child gets in: clone3(CLONE_INTO_CGROUP) with dir_fd if it is not -1,
 * AND "0" to each of procs_fds, which a hybrid host has besides. cpuset groups
 * inherit what is empty in them, groups above it (not the root) get the room
 * that its real-time processes need. A group that is there is taken over, unless it
 * is frozen: EBUSY. On failure, directories that were made here are gone again.
 */
int cgroup_group_create(struct cgroup_group *g, const struct resources *r,
			struct cgroup *ret, struct error *e);

/* For "update": only what r has set changes. Limits that depend on each other
 * are written in the order that the kernel accepts. With
 * memory.checkBeforeUpdate a limit below what is in use is EBUSY. After an
 * error what came before it in cgroup_settings.h's order is in force. */
int cgroup_group_apply(struct cgroup_group *g, const struct resources *r,
		       struct error *e);

/*
 * How one more process gets into the group ("exec"). sub says where below it:
 * NULL, or a path for all hierarchies, or (version 1) lines of the form
 * "memory,pids:path" for some of them. On version 2 a group whose children have
 * controllers takes no process: without sub it is then the group below it in
 * which the process init is (0: none). ENOENT: there is no such group. EBUSY: it
 * takes none. EINVAL: "..", or a controller that is not there.
 */
int cgroup_group_join(struct cgroup_group *g, const char *sub, pid_t init,
		      struct cgroup *ret, struct error *e);

/* Version 2: let the container's root (its uid outside) divide the group among
 * its processes: the directory and the files that the kernel names for it become
 * his, and no limit does. For a container with a user and a cgroup namespace of
 * its own, whose cgroup mount is writable. Version 1: nothing, since that would
 * give the limits away. */
int cgroup_group_delegate(struct cgroup_group *g, uid_t uid, struct error *e);

/* The device rules that every container has besides its own: mknod of all;
 * null, zero, full, random, urandom, tty, console, ptmx, pts. Append them to
 * those of config.json, as runc does: the last that fits counts. The result is
 * the caller's to free(). */
struct resources_device *cgroup_group_devices(const struct resources_device *own,
					      size_t n_own, size_t *ret_n);

/* ---- living ---- */

/* True if it is there in any hierarchy. */
bool cgroup_group_exists(const struct cgroup_group *g);

/* All processes in it and in the groups below it. The caller frees *ret. A
 * group that is not there has none. */
int cgroup_group_pids(const struct cgroup_group *g, pid_t **ret, size_t *ret_n,
		      struct error *e);

/* A signal to each of them; those that fork meanwhile may have children that do
 * not get it, except for SIGKILL, which is cgroup_group_kill(). */
int cgroup_group_signal(struct cgroup_group *g, int sig, struct error *e);

/* SIGKILL to all, also to those that fork meanwhile, also in a frozen group:
 * cgroup.kill, or the freezer. The group is thawed after. */
int cgroup_group_kill(struct cgroup_group *g, struct error *e);

/* Waits until all processes stand still, at most CGROUP_FREEZE_MSEC: then
 * ETIMEDOUT, and the group is thawed again. ENOTSUP: no freezer. */
#define CGROUP_FREEZE_MSEC 2000
int cgroup_group_freeze(struct cgroup_group *g, struct error *e);
int cgroup_group_thaw(struct cgroup_group *g, struct error *e);

/* True if it is frozen or about to be, by itself (not through a parent). */
bool cgroup_group_frozen(const struct cgroup_group *g);

/* rmdir in every hierarchy, groups below it first; waits for processes that are
 * just ending, at most CGROUP_REMOVE_MSEC: then EBUSY. Absent = done. Groups
 * above it stay; those that had just the room for its real-time processes give
 * it back. Kill first. */
#define CGROUP_REMOVE_MSEC 10000
int cgroup_group_remove(struct cgroup_group *g, struct error *e);

/* ---- watching ---- */

/* See cgroup_usage.h. ENOENT: no such group. */
int cgroup_group_usage(const struct cgroup_group *g, struct cgroup_usage **ret,
		       struct error *e);

/* See cgroup_oom.h. */
int cgroup_group_oom(const struct cgroup_group *g, struct cgroup_oom *ret,
		     struct error *e);
