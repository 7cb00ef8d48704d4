#pragma once

/*
 * container_copy.h - a directory of an image into a fresh file system, for
 * mounts with the option "tmpcopyup".
 */
#include "base/base.h"

struct error;

#define CONTAINER_COPY_ENTRIES_MAX 65536
#define CONTAINER_COPY_DEPTH_MAX 64
#define CONTAINER_COPY_BYTES_MAX (1ULL << 30)

/*
 * Copy what is in path, found below root_fd as if that were the root, into the
 * directory to_fd: directories, regular files and links, with owners and modes.
 * Holes stay holes. Absent = nothing to copy. E2BIG: more
 * entries, levels or bytes than the bounds: the memory is that of whoever calls.
 */
int container_copy(int root_fd, const char *path, int to_fd, struct error *e);
