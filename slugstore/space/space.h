#pragma once

/*
 * space.h - does it fit? Asked before anything is written.
 *
 * It fits if the file system has the blocks and inodes. If not, and marks were
 * set (collect.h), if only to none: would collecting help? If even that would
 * not, nothing is collected and the error says what it needs and what it has.
 * Else it is collected, down to the low marks. That is also done, as far as it
 * goes, for what fits but passes a high mark; marks refuse nothing.
 *
 * Two at once: whoever knows the size of its file has the kernel reserve the
 * blocks by fallocate(2), so the second sees what the first has taken, and who
 * dies gives it back with the file. An unpacker cannot reserve; if it runs out
 * of space all the same, its error is the same sentence.
 */
#include "base/base.h"

struct error;
struct store;

/* Room for bytes (in blocks) and inodes more. ENOSPC: "needs X, has Y". */
int space_make(struct store *s, uint64_t bytes, uint64_t inodes,
	       struct error *e);

/* Room for a file, open for writing, to have size bytes in all; reserved. */
int space_reserve(struct store *s, int fd, uint64_t size, struct error *e);

/* Give back what is reserved behind the end of a file. */
void space_trim(int fd);

/* Room to unpack a blob: whatever it may hold if there is plenty, else what
 * one pass over it says. How large the tree is going to be matters for room
 * only: for marks, that is too dear to know. Errors of store_check(), too. */
int space_make_for_tree(struct store *s, int blob_fd, struct error *e);

/* Turn a failure of -ENOSPC or -EDQUOT (whose errno text says little) into the
 * one sentence: what has been written needs more than there is. Other r stay. */
int space_explain(struct store *s, int r, struct error *e);
