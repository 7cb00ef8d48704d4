#pragma once

/*
 * plan_rootfs.h - the part of an OCI plan that builds and enters the root.
 */
#include "runtime/oci/plan_oci.h"

/* Stage ROOTFS up to the moment before pivot_root: mounts in their order,
 * devices, links, masked and read-only paths. EINVAL, ENOTSUP as the plan. */
int plan_rootfs(struct plan *p, const struct plan_oci *in, struct error *e);

/* pivot_root, or what stands for it. */
void plan_rootfs_enter(struct plan *p, const struct plan_oci *in);

/* What waits until nothing is to be made any more: propagation, read-only. */
void plan_rootfs_finish(struct plan *p, const struct plan_oci *in);
