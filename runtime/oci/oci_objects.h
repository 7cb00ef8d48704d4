#pragma once

/*
 * oci_objects.h - the tables of config.json, one per object, by file; and the
 * rules over all of it.
 */
#include "runtime/oci/oci_read.h"

struct oci;
struct oci_mount;

extern const struct oci_object oci_process_object;	/* struct oci_process */
extern const struct oci_object oci_hooks_object;	/* struct oci */
extern const struct oci_object oci_mounts_object;	/* struct oci_mount */
extern const struct oci_object oci_linux_object;	/* struct oci */
extern const struct oci_object oci_resources_object;	/* struct resources */
extern const struct oci_object oci_seccomp_object;	/* struct seccomp_profile */

/* Of the user namespace and of mounts. */
extern const struct oci_object oci_idmap_object;	/* struct oci_id_map */
#define OCI_IDMAP_MAX 340		/* parts of a mapping: the kernel's bound */

/* The mapping in a mount's option, "uids=0-1-10;gids=@0-0-10", into the mount;
 * "@" is resolved with that of o's user namespace. */
int oci_idmap_option(const struct oci_reader *r, const struct oci_at *at,
		     const struct oci *o, const char *text, struct oci_mount *m);

/* In the order of their bits; NULL ends them. */
extern const char *const oci_process_capabilities[];
extern const struct oci_word oci_linux_namespaces[];	/* OCI_NS_* */
extern const char *const oci_hooks_names[];		/* OCI_HOOK_KINDS */

/* What depends on the namespaces there are. May rewrite keys of sysctl. */
int oci_rules_check(const struct oci_reader *r, struct oci *o);
