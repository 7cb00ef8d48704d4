#pragma once

/*
 * container_source.h - what a container gets of the host's files, opened.
 *
 * The host's side of every mount becomes a detached mount: its path is resolved
 * once, attributes, propagation and id mapping are set before anybody can see
 * it, and the child only attaches it. Nothing of it has a name until then; to
 * close the descriptors is to undo all.
 */
#include "base/base.h"
#include "runtime/oci/plan_oci.h"

struct cgroup_group;
struct error;

#define CONTAINER_HIERARCHIES_MAX 32

struct container_source {
	int root_fd;			/* the root file system, detached */
	int dir_fd;			/* the same directory on the host, O_PATH */
	int void_fd, null_fd;		/* for masked paths; -1 before Linux 6.15 */
	struct plan_source *mounts;	/* one for each of oci->mounts */
	size_t n_mounts;
	int *devices;			/* one for each of oci->devices, or NULL */
	size_t n_devices;
	struct plan_hierarchy hierarchies[CONTAINER_HIERARCHIES_MAX];
	size_t n_hierarchies;
	char *texts;			/* of the hierarchies */
};

#define CONTAINER_SOURCE_INIT ((struct container_source){ .root_fd = -1, \
	.dir_fd = -1, .void_fd = -1, .null_fd = -1 })

/*
 * rootfs: absolute, resolved. bundle: what a relative source is below. cgroup:
 * path of the container's group, for a cgroup mount without an own namespace;
 * NULL: none. Errors name the mount ("mounts[3]: open /srv/x: ...").
 */
int container_source_open(struct container_source *ret, const struct oci *oci,
			  const char *rootfs, const char *bundle, const char *cgroup,
			  struct error *e);
void container_source_deinit(struct container_source *s);
