#pragma once

/*
 * manifest_reader.h - a manifest line by line, as strict as its format allows.
 * Memory: one block.
 */
#include "base/base.h"
#include "slugstore/manifest/manifest.h"

struct error;
struct manifest_line;
struct manifest_reader;

#define MANIFEST_END 1
#define MANIFEST_EMPTY 2	/* a file of 0 bytes, of an older version */

/* fd: borrowed, a regular file; its position does not matter. */
struct manifest_reader *manifest_reader_new(int fd);
struct manifest_reader *manifest_reader_free(struct manifest_reader *m);
DEFINE_AUTO(struct manifest_reader, manifest_reader_free)

/* 0, the next line and where it begins in the file; MANIFEST_END when all is
 * right up to the digest at the end; MANIFEST_EMPTY. EBADMSG: it is damaged,
 * with the number of the line. */
int manifest_reader_next(struct manifest_reader *m, struct manifest_line *ret,
			 uint64_t *ret_offset, struct error *e);

/* Of the line that was read last: "manifest, line N: what". Returns -EBADMSG. */
int manifest_reader_fault(const struct manifest_reader *m, const char *what,
			  struct error *e);

/* Read the one line that begins at offset, in a file that was read before. */
int manifest_reader_at(int fd, uint64_t offset, struct manifest_line *ret,
		       struct error *e);
