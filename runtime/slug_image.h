#pragma once

/*
 * slug_image.h - slugs that are file systems, mounted instead of unpacked.
 *
 * The kernel reads a stranger's image as root: so the operator has to want that
 * (runtime_config.slug_images). Mounts are read-only, nosuid, nodev, without
 * attributes of users and access lists where the file system can do without;
 * the root may hold the directory "app" and nothing else.
 *
 * An erofs is mounted from its file since Linux 6.15, where such a mount can be
 * cloned without being attached anywhere; else, and for squashfs, there is a
 * loop device, which goes by itself with its last user. The mount, or the
 * device, of a slug is kept as long as a dyno that was started with it is
 * on record, and shared by all of them: so is the page cache. Nothing of it has
 * a name; whatever way this process ends, the kernel cleans up with the last
 * dyno.
 */
#include "base/base.h"

#include <sys/types.h>

struct error;
struct slug_image;

struct slug_images {
	struct slug_image *first;
};

#define SLUG_IMAGES_INIT ((struct slug_images){ NULL })

void slug_images_deinit(struct slug_images *all);

#define SLUG_IMAGE_NONE 1	/* the tree is an unpacked one */

/*
 * A detached mount of the image in the directory tree_fd, trees/<sha256>, for
 * the dyno uuid. The image must belong to owner. EINVAL: it holds other things
 * than "app", or the kernel refuses it.
 */
int slug_image_mount(struct slug_images *all, int tree_fd, const char *sha256,
		     uid_t owner, const char *uuid, int *ret_fd,
		     struct error *e);

/* Is there one? 0, or SLUG_IMAGE_NONE. */
int slug_image_look(int tree_fd, struct error *e);

/* The dyno is gone. */
void slug_image_release(struct slug_images *all, const char *uuid);
