#pragma once

/*
 * manifest_index.h - a manifest by path, in little memory: a path is a hash of
 * 128 bits under a random key, and says where the line of its file is.
 *
 * Paths of one file (hard links) have one "file". At most 38 MiB, and 13 more
 * for a moment while it grows.
 */
#include "base/base.h"

#include <sys/types.h>

struct error;
struct manifest_index;

#define MANIFEST_PATHS_MAX (1U << 19)

struct manifest_file {
	uint64_t offset;	/* of its line */
	uint64_t inode;		/* the caller's, at first 0 */
	uint32_t links;		/* paths that it has; 0: not in use */
	bool is_directory;
};

/* Read all of it. 0, MANIFEST_EMPTY, or EBADMSG: damaged, and where. */
int manifest_index_new(struct manifest_index **ret, int fd, struct error *e);
struct manifest_index *manifest_index_free(struct manifest_index *ix);
DEFINE_AUTO(struct manifest_index, manifest_index_free)

/* Borrowed; NULL: not in the manifest. From then on the path counts as seen. */
struct manifest_file *manifest_index_see(struct manifest_index *ix,
					 const char *path);
bool manifest_index_is_seen(struct manifest_index *ix, const char *path);
uint64_t manifest_index_unseen(const struct manifest_index *ix);

/* Sum of the sizes in all lines. */
uint64_t manifest_index_bytes(const struct manifest_index *ix);
