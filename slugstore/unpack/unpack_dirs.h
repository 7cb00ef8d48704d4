#pragma once

/*
 * unpack_dirs.h - the modes and times of directories, when everything below them
 * is made: a directory may forbid writing, and each entry in it changes its time.
 */
struct error;
struct manifest_writer;
struct tree;

/* Walks the directories that are on disk below tree_fd, children before parents.
 * Their names are nowhere else: there may be more of them than memory. Each goes
 * into the manifest (NULL: none). */
int unpack_dirs(int tree_fd, const struct tree *tree,
		struct manifest_writer *manifest, struct error *e);
