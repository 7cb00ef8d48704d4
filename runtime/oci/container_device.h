#pragma once

/*
 * container_device.h - device nodes for a container in a user namespace of its
 * own, in which nobody can make any: the parent makes them, in a small file
 * system that has no name, with the owners as the host sees them.
 */
#include "base/base.h"
#include "runtime/oci/oci.h"

struct error;

/* Fills ret[i], for each of oci->devices, with a detached node; -1: a fifo, which
 * the child makes itself, or Linux before 6.15, where it binds the node of the host
 * that has this path. On failure all are -1. Nodes go when their descriptors
 * and mounts are gone. */
int container_device_make(int *ret, const struct oci *oci, struct error *e);
