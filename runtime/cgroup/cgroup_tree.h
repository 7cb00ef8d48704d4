#pragma once

/*
 * cgroup_tree.h - one mounted hierarchy with our parent group in it.
 *
 * On v1 there is one tree for each hierarchy that has a controller we use, on
 * v2 there is one tree in all. A leaf is a child group of the parent.
 */
#include "base/base.h"

struct error;
struct strv;

enum cgroup_controller {
	CGROUP_MEMORY	= 1 << 0,
	CGROUP_CPU	= 1 << 1,
	CGROUP_CPUACCT	= 1 << 2,
	CGROUP_PIDS	= 1 << 3,
	CGROUP_FREEZER	= 1 << 4,
	CGROUP_DEVICES	= 1 << 5,
	/* what containers may ask for besides */
	CGROUP_CPUSET	= 1 << 6,
	CGROUP_BLKIO	= 1 << 7,	/* v2: "io" */
	CGROUP_HUGETLB	= 1 << 8,
	CGROUP_NET_CLS	= 1 << 9,
	CGROUP_NET_PRIO	= 1 << 10,
	CGROUP_PERF	= 1 << 11,
	CGROUP_RDMA	= 1 << 12,
	CGROUP_MISC	= 1 << 13,
	CGROUP_NAMED	= 1 << 14,	/* v1 without controllers: name=systemd */
	CGROUP_UNIFIED	= 1 << 15,	/* the tree of v2, also on a hybrid host */
};

struct cgroup_tree {
	unsigned controllers;		/* mask of enum cgroup_controller */
	char *path;			/* of the parent group */
	int parent_fd;
};

#define CGROUP_TREE_INIT ((struct cgroup_tree){ 0, NULL, -1 })
#define CGROUP_ABSENT 1

/* The names of the controllers in mask: "memory, pids". Returns out. */
#define CGROUP_NAMES_MAX 128
const char *cgroup_tree_names(unsigned mask, char out[CGROUP_NAMES_MAX]);
/* A blank- or comma-separated list of names -> mask, unknown names ignored. */
unsigned cgroup_tree_mask(const char *names);

/* Make (or find) the parent group base/prefix. */
int cgroup_tree_open(struct cgroup_tree *t, unsigned controllers,
		     const char *base, const char *prefix, struct error *e);
/* The hierarchy's root itself is the parent. Nothing is made. */
int cgroup_tree_open_root(struct cgroup_tree *t, unsigned controllers,
			  const char *mount, struct error *e);
void cgroup_tree_deinit(struct cgroup_tree *t);

/* A leaf is a name or a path, "a/b", whose inner groups exist. */

/* Make a leaf. EEXIST: there is one already. */
int cgroup_tree_make(struct cgroup_tree *t, const char *leaf, struct error *e);

/* Open a leaf's directory; CGROUP_ABSENT: there is none. */
int cgroup_tree_leaf(const struct cgroup_tree *t, const char *leaf, int *ret_fd,
		     struct error *e);

/* Remove a leaf and the groups in it, waiting so long for processes that are
 * just ending. EBUSY: one is left. Absent = done. */
#define CGROUP_TREE_WAIT_MSEC 20
int cgroup_tree_remove(struct cgroup_tree *t, const char *leaf,
		       unsigned wait_msec, struct error *e);

/* Remove the parent. EBUSY: it has a leaf. Absent = done. */
int cgroup_tree_wipe(struct cgroup_tree *t, struct error *e);

/* Add the names of the leaves that are not in *ret yet. */
int cgroup_tree_list(const struct cgroup_tree *t, struct strv *ret,
		     struct error *e);

/* The paths, relative to fd, of all groups below it and of itself ("."),
 * inner ones after those they hold. At most CGROUP_GROUPS_MAX. */
#define CGROUP_GROUPS_MAX 4096
int cgroup_tree_groups(int fd, struct strv *ret, struct error *e);

/* Control files of the group fd (or of one below it, "a/b/file"). */
int cgroup_tree_write(int fd, const char *file, const char *text,
		      struct error *e);
int cgroup_tree_read(int fd, const char *file, uint64_t *ret, struct error *e);
/* The number behind a key: lines "key 42". ENOENT: no such key. */
int cgroup_tree_read_key(int fd, const char *file, const char *key,
			 uint64_t *ret, struct error *e);
/* Several of them at one reading; what is not there is left alone. */
struct cgroup_tree_key {
	const char *key;
	uint64_t *ret;
};
void cgroup_tree_read_keys(int fd, const char *file,
			   const struct cgroup_tree_key *keys, size_t n);
