#pragma once

/*
 * verity.h - have the kernel check a file each time that it is read (fs-verity:
 * ext4, f2fs, btrfs, where they were made with it).
 *
 * For what is read again and again but checked by nobody else: the manifest, by
 * which trees are judged, and images, which the kernel mounts. Not for files of
 * trees (a Merkle tree and several system calls for each of 20 000 files) nor
 * for tars, which are read once more at most, and hashed then.
 */
#include "base/base.h"

/* The file cannot be changed from now on, only removed. fd: open for reading
 * only, and nowhere for writing. False: it stays as it is; there is no fs-verity
 * here, or not now. */
bool verity_enable(int fd);
