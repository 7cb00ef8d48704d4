#pragma once

/*
 * container_reveal.h - mounts of the host that show the whole kernel.
 *
 * A container whose root is not pivoted keeps the host's mounts below it, out of
 * reach. But as long as a whole proc or sysfs is among them, the kernel lets a
 * user namespace inside mount another whole one, without our masks.
 */
#include "base/base.h"

struct error;
struct strv;

/* Adds the places of all proc and sysfs mounts of our namespace, the last first.
 * EIO...: the table of mounts cannot be read. */
int container_reveal_find(struct strv *ret, struct error *e);
