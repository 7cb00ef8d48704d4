#pragma once

/*
 * plan_dyno_root.h - the part of a dyno's plan that builds and enters its root.
 */
#include "runtime/plan_dyno.h"

/* Stage LAYERS: everything up to the overlay, which a helper may do. */
void plan_dyno_layers(struct plan *p, const struct plan_dyno *in);

/* Stage ROOTFS: what only the dyno's own namespaces can mount; pivot_root. */
void plan_dyno_root(struct plan *p);
