#pragma once

/*
 * convert.h - a tar slug becomes an image that is mounted instead of unpacked.
 *
 * It is unpacked into a store of its own in $TMPDIR or /tmp, under all rules of
 * slugs, and mkfs.erofs (of erofs-utils) or mksquashfs (of squashfs-tools)
 * makes an image of the tree. The same slug gives the same bytes with the same
 * version of these: the owner of all is root, times are those of the tree, no
 * xattrs, a fixed UUID and time of making.
 */
#include "base/base.h"
#include "slugstore/unpack/image.h"

struct error;

/*
 * slug_fd: read from its beginning; image_fd: an empty regular file. on_progress
 * may be NULL. EINVAL: it is an image already; ENOENT: the program is not
 * installed. Errors of unpacking are store_unpack()'s.
 */
struct convert {
	int slug_fd, image_fd;			/* borrowed */
	enum image_kind kind;
	void (*on_progress)(uint64_t done, uint64_t total, void *userdata);
	void *userdata;
};

int convert_run(const struct convert *c, struct error *e);
