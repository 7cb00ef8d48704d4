#pragma once

/*
 * image.h - a slug that is a file system already: erofs or squashfs, mounted
 * instead of unpacked.
 *
 * Such a thing is read by the kernel, as root. What is checked here is its
 * superblock, and that strictly: the file is as long as it says, blocks have a
 * size that every kernel takes, tables and root directory lie within, their
 * number of inodes is within the limit, only features are asked for that
 * "dyno-slug convert" or the tool's defaults make (no second device, no
 * fragments, no xattr tables).
 *
 * Not checked is everything behind it: inodes, directories, compressed data,
 * access lists and attributes of single files. Whoever mounts an image takes
 * what the kernel makes of that: nosuid, nodev, and only if he wants to
 * (slug-images in dynod.conf). Nor is there any limit on what it unpacks to.
 */
#include "base/base.h"

struct error;
struct limits;

enum image_kind { IMAGE_NONE, IMAGE_EROFS, IMAGE_SQUASHFS };

const char *image_kind_name(enum image_kind kind);	/* "erofs" */

/* By its first bytes. A file that is too short is none. */
int image_probe(int fd, enum image_kind *ret, struct error *e);

/* EINVAL: damaged, or not such as we take; the field is named. */
int image_check(int fd, enum image_kind kind, const struct limits *limits,
		uint64_t *ret_inodes, struct error *e);
