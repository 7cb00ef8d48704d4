#pragma once

/*
 * file.h - files and directories, the careful way.
 *
 * A "dirfd, path" pair works like openat(2): AT_FDCWD for the working
 * directory. Every descriptor is close-on-exec.
 */
#include "base/base.h"

#include <sys/stat.h>
#include <sys/types.h>

struct buf;
struct error;

/* Read a whole file; more than max bytes is EFBIG. Appends to *ret. */
int file_read(int dirfd, const char *path, size_t max, struct buf *ret,
	      struct error *e);

/* Replace a file so that a crash leaves the old or the new content: temporary
 * name in the same directory, write, fsync, rename, fsync of the directory. */
int file_write_atomic(int dirfd, const char *path, const void *data, size_t n,
		      mode_t mode, struct error *e);

/* The same without the two fsyncs: for what a power cut may take back. */
int file_write_fast(int dirfd, const char *path, const void *data, size_t n,
		    mode_t mode, struct error *e);

/* Remove what a replacement that was cut short by a kill has left in this
 * directory: temporary files. To be called before anything is replaced there. No
 * such directory = nothing to do. */
int file_remove_temporary(int dirfd, const char *path, struct error *e);

/* Write all n bytes to fd, resuming after short writes and EINTR. */
int file_write_all(int fd, const void *data, size_t n, struct error *e);

/* mkdir -p; an existing directory keeps its mode. */
int file_make_dirs(const char *path, mode_t mode, struct error *e);

/* Make (or find) a directory with exactly this mode and owner. A link or
 * another kind of file in its place is an error. uid/gid -1: leave. */
int file_make_dir_owned(const char *path, mode_t mode, uid_t uid, gid_t gid,
			struct error *e);

/* rm -rf, however deep it is: never follows links, never leaves the file system
 * it starts on. Nothing there = done. */
int file_remove_tree(int dirfd, const char *path, struct error *e);

/* openat2() with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS:
 * path is below dirfd and holds no link. O_CLOEXEC is added. Returns the fd. */
int file_open_beneath(int dirfd, const char *path, int flags, mode_t mode,
		      struct error *e);

int file_sync_dir(int dirfd, const char *path, struct error *e);

/* Copy a descriptor's bits: O_NONBLOCK on or off. */
int file_set_nonblock(int fd, bool on, struct error *e);
