#pragma once

/*
 * plan_process.h - what config.json's "process" asks for, in the order in which
 * plan_oci.h puts it together. Each adds operations to the plan.
 */
#include "base/base.h"

struct error;
struct plan;
struct plan_oci;

/* AppArmor's and SELinux's labels, which take effect at the exec. */
void plan_process_labels(struct plan *p, const struct plan_oci *in);
/* A pseudo-terminal with /dev/console, or the streams that the caller has. */
void plan_process_terminal(struct plan *p, const struct plan_oci *in);
/* Resource limits, scheduler, I/O priority, personality, umask. */
void plan_process_limits(struct plan *p, const struct plan_oci *in);
/* EINVAL: a NUMA node that cannot be. */
int plan_process_memory_policy(struct plan *p, const struct plan_oci *in,
			       struct error *e);
/* Where the program may be: its path, or its name in each directory of PATH. */
void plan_process_lookup(struct plan *p, const struct plan_oci *in);
/* true: the filter has a listener, which goes to whoever creates. */
bool plan_process_filters_early(const struct plan_oci *in);
void plan_process_filter(struct plan *p, const struct plan_oci *in);
/* Ids, capabilities, no_new_privs, and the filter, if it has not been loaded. */
void plan_process_drop(struct plan *p, const struct plan_oci *in);
void plan_process_execute(struct plan *p, const struct plan_oci *in);
