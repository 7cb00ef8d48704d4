#pragma once

/*
 * idmap.h - whose files are whose: user-id ranges of dynos, and detached mounts
 * that translate the owners on disk into a dyno's range.
 *
 * Instance n has the ids 0x10000000 + n * 0x2000000 and following; each dyno
 * has one slot of 65536 of them, slot 0 is never used. A mount is translated
 * by a user namespace; making one costs a process, and two of them a third of a
 * start, so those of all slots that were ever taken are kept: two descriptors
 * for each dyno of the busiest moment.
 */
#include "base/base.h"

#include <sys/types.h>

struct error;

#define IDMAP_FIRST 0x10000000U
#define IDMAP_INSTANCE 0x2000000U
#define IDMAP_SLOT 65536U
#define IDMAP_SLOTS (IDMAP_INSTANCE / IDMAP_SLOT)

struct idmap {
	uint32_t first;				/* of the instance */
	bool used[IDMAP_SLOTS];
	int image_fds[IDMAP_SLOTS];		/* root's files -> the dyno's root */
	int slug_fds[IDMAP_SLOTS];		/* the store's -> the dyno's app */
	int root_fds[IDMAP_SLOTS];		/* root's files -> the dyno's app */
};

void idmap_init(struct idmap *m, unsigned instance);
void idmap_deinit(struct idmap *m);

/* Take the lowest free slot; EAGAIN if all are in use. */
int idmap_take(struct idmap *m, unsigned *ret_slot, struct error *e);
void idmap_mark(struct idmap *m, unsigned slot);
void idmap_release(struct idmap *m, unsigned slot);
uint32_t idmap_id(const struct idmap *m, unsigned slot);

/* Write both maps of a process. */
int idmap_write(pid_t pid, const char *uid_map, const char *gid_map,
		struct error *e);

/* A user namespace without processes, held by *ret_fd, whose maps are these. */
int idmap_userns(const char *uid_map, const char *gid_map, int *ret_fd,
		 struct error *e);

#define IDMAP_REFUSED 1		/* the file system has no idmapped mounts */

/*
 * A detached, read-only clone of the directory dir_fd, nosuid and nodev.
 * _plain: owners as on disk. _image: ids 0..65535 become the slot's.
 * _slug: the files of uid:gid become those of id app in the slot.
 */
int idmap_tree_plain(int dir_fd, int *ret_fd, struct error *e);
int idmap_tree_image(struct idmap *m, unsigned slot, int dir_fd, int *ret_fd,
		     struct error *e);
int idmap_tree_slug(struct idmap *m, unsigned slot, int dir_fd, uid_t uid,
		    gid_t gid, uint32_t app, int *ret_fd, struct error *e);

/* The mount fd itself, detached and never mapped yet: the files of root become
 * those of id app in the slot; those of others are nobody's. */
int idmap_mount_root(struct idmap *m, unsigned slot, uint32_t app, int fd,
		     struct error *e);
