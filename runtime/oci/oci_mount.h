#pragma once

/*
 * oci_mount.h - the option words of an OCI mount, taken apart.
 *
 * Pure: words in, what the kernel is to be told out. A word that is not known
 * belongs to the file system and becomes data. Later words win over earlier.
 */
#include "runtime/oci/oci.h"

enum oci_mount_flag {
	OCI_MOUNT_BIND = 1 << 0,
	OCI_MOUNT_RBIND = 1 << 1,		/* only with BIND */
	OCI_MOUNT_REMOUNT = 1 << 2,
	OCI_MOUNT_IDMAP = 1 << 3,
	OCI_MOUNT_RIDMAP = 1 << 4,		/* only with IDMAP */
	OCI_MOUNT_COPY_UP = 1 << 5,		/* tmpcopyup */
	OCI_MOUNT_COPY_SYMLINK = 1 << 6,
	OCI_MOUNT_SRC_NOFOLLOW = 1 << 7,
	OCI_MOUNT_DEST_NOFOLLOW = 1 << 8,
};

/* For mount_setattr(): MOUNT_ATTR_*. Disjoint, but for MOUNT_ATTR__ATIME, all
 * of which is in clr as soon as a word about access times was given. */
struct oci_mount_attr {
	uint64_t set, clr;
};

struct oci_mount_spread {
	unsigned long type;		/* MS_SHARED, _SLAVE, _PRIVATE, _UNBINDABLE */
	bool recursive;
};

/* For fsconfig(): FSCONFIG_SET_STRING, or SET_FLAG where value is NULL. */
struct oci_mount_data {
	const char *key, *value;
};

#define OCI_MOUNT_SPREAD_MAX 8
#define OCI_MOUNT_SUPER_MAX 4

struct oci_mount_options {
	unsigned flags;			/* OCI_MOUNT_* */
	struct oci_mount_attr one;	/* "ro": this mount */
	struct oci_mount_attr all;	/* "rro": it and all below, AT_RECURSIVE */
	unsigned long super;		/* MS_* of the file system: "sync", ... */
	struct oci_mount_spread spread[OCI_MOUNT_SPREAD_MAX];	/* in order */
	size_t n_spread;
	struct oci_mount_data *data;	/* size=64m, mode=1777 */
	size_t n_data;
	char *text;			/* the same for mount(2), "" if none */
	char *memory;
};

/* Take the words apart; borrows them. Release with the deinit. */
void oci_mount_options(struct oci_mount_options *ret,
		       const struct oci_strings *words);
void oci_mount_options_deinit(struct oci_mount_options *o);

/* The words of FSCONFIG_SET_FLAG for o->super; returns how many. MS_SILENT and
 * MS_I_VERSION have none: only mount(2) takes them. */
size_t oci_mount_super_words(unsigned long super,
			     const char *ret[OCI_MOUNT_SUPER_MAX]);

/* All known words in alphabetical order; NULL behind the last. */
const char *oci_mount_word(size_t i);
