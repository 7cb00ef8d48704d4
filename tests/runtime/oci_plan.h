#pragma once

/*
 * oci_plan.h - a plan made from the text of a configuration, for tests.
 */
#include "base/error.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/oci/plan_oci.h"
#include "runtime/filter/seccomp.h"

#define OCI_PLAN_MOUNTS 16

/* Descriptors are mere numbers: nothing is opened. */
struct oci_plan {
	struct oci *oci;
	struct plan_source sources[OCI_PLAN_MOUNTS];
	struct seccomp_filter filter;
	struct cgroup cgroup;
	struct plan_oci in;
	struct plan plan;
	bool is_built;
	struct error e;
};

/* A configuration with a process "sh" in "/"; both arguments begin with a comma
 * or are empty. */
#define CONFIG(process, top) \
	"{'ociVersion':'1.2.0','root':{'path':'r'}," \
	"'process':{'cwd':'/','args':['sh']" process "}" top "}"
/* The same with these members of "linux", in a new mount namespace. */
#define OWN_MOUNTS(members) \
	CONFIG("", ",'linux':{'namespaces':[{'type':'mount'}]" members "}")

/* Parse; ' stands for ". Until oci_plan_build() in can be changed. */
void oci_plan_init(struct oci_plan *t, const char *quoted);
void oci_plan_deinit(struct oci_plan *t);

/* Build (again). What plan_oci_build() returns. */
int oci_plan_build(struct oci_plan *t);
/* The two at once; fails the test if there is no plan. */
void oci_plan_make(struct oci_plan *t, const char *quoted);

/* The index of the first operation of a kind; its place (to) may be NULL for any.
 * The number of operations: there is none. */
size_t oci_plan_index(const struct oci_plan *t, enum plan_kind kind, const char *to);
/* The operation itself, or NULL. */
const struct plan_op *oci_plan_op(const struct oci_plan *t, enum plan_kind kind,
				  const char *to);
size_t oci_plan_count(const struct oci_plan *t, enum plan_kind kind);

/* The text of the plan has these lines, one directly after the other. */
void oci_plan_has(const struct oci_plan *t, const char *lines);
/* It has this nowhere. */
void oci_plan_lacks(const struct oci_plan *t, const char *part);
