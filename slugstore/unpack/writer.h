#pragma once

/*
 * writer.h - the thread that makes what unpack.c has decided: directories, files
 * and links below a directory, in the order in which they are given to it.
 *
 * Everything is made beneath the directory and through no link, whatever is
 * asked. Directories above a path are made if they are absent; all directories
 * are 0700 until writer_dirs.h has the last word. An error of the thread is the
 * result of a later call; after one the writer may only be freed.
 */
#include "base/base.h"

struct entry_verdict;
struct error;
struct writer;

/* tree_fd is borrowed. */
int writer_new(struct writer **ret, int tree_fd, struct error *e);
/* Stops the thread; what was given and is not yet made may be missing. */
struct writer *writer_free(struct writer *w);
DEFINE_AUTO(struct writer, writer_free)

/* Make it. replaces: a file or link of this name goes first. A file has its data
 * after that: pieces at ascending offsets, holes left out, then its end. */
int writer_entry(struct writer *w, const struct entry_verdict *en,
		 bool replaces, struct error *e);
int writer_data(struct writer *w, const void *data, size_t n, uint64_t offset,
		struct error *e);
int writer_end_file(struct writer *w, struct error *e);

/* Wait until all is made. */
int writer_finish(struct writer *w, struct error *e);
