#pragma once

/*
 * unpack.h - from a slug file to a tree of files.
 *
 * Each entry is made with openat2(2) beneath the directory and through no
 * link, whatever the archive says; the policy (entry.h, tree.h) has refused
 * before what would have failed here. Modes and times are kept; the owner is
 * who runs. Without a directory nothing is made: then it is the check.
 */
#include "base/base.h"
#include "base/id.h"

struct error;
struct inflate_source;
struct manifest_writer;

struct unpack_result {
	uint64_t entries;		/* below ./app */
	uint64_t bytes;			/* of their files */
	char sha256[SHA256_HEX_MAX];	/* of the slug file */
};

/* tree_fd: a directory without "app", or -1. On failure it may hold anything.
 * manifest: gets a line for each path that is made, or NULL. */
int unpack_run(const struct inflate_source *src, int tree_fd,
	       struct manifest_writer *manifest, struct unpack_result *ret,
	       struct error *e);
