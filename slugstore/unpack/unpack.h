#pragma once

/*
 * unpack.h - from a slug file to a tree of files.
 *
 * Each entry is made with openat2(2) beneath the directory and through no
 * link, whatever the archive says; the policy (entry.h, tree.h) has refused
 * before what would have failed here. Modes and times are kept; the owner is
 * who runs. Without a directory nothing is made: then it is the check.
 *
 * Threads for the time of the call: one decodes (stream.h), who calls decides
 * and hashes, one writes (writer.h), one has written data brought to the disk
 * (writeback.h). When it returns, well or not, all others are gone; signals come
 * to the caller's thread only.
 *
 * After it has begun it opens nothing but by the descriptors that it got. Under
 * a filter it needs: what worker.h says; of the slug file fstat, pread; below the
 * tree openat, openat2, mkdirat, symlinkat, linkat, unlinkat, fstat, newfstatat,
 * pwrite, ftruncate, fchmod, utimensat, getdents64, fcntl, lseek, close,
 * syncfs; of the manifest write; clock_gettime, getrandom, brk, mremap.
 *
 * Memory: 64 MiB of resident memory whatever the slug, with the program itself.
 */
#include "base/base.h"
#include "base/id.h"
#include "slugstore/unpack/image.h"

struct error;
struct inflate_source;
struct manifest_writer;

struct unpack_result {
	uint64_t entries;		/* below ./app */
	uint64_t bytes;			/* of their files */
	char sha256[SHA256_HEX_MAX];	/* of the slug file: sandbox_unpack() */
	enum image_kind image;		/* not IMAGE_NONE: nothing was made, it is
					 * to be mounted; entries are its inodes,
					 * bytes its size */
};

/* tree_fd: a directory without "app", or -1. On failure it may hold anything.
 * manifest: gets a line for each path that is made, or NULL. */
int unpack_run(const struct inflate_source *src, int tree_fd,
	       struct manifest_writer *manifest, struct unpack_result *ret,
	       struct error *e);
