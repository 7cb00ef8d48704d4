#pragma once

/*
 * writer_make.h - carry out one order of writer.h.
 */
#include "slugstore/unpack/entry.h"
#include "slugstore/unpack/writeback.h"

struct error;

enum writer_what { WRITER_ENTRY, WRITER_DATA, WRITER_END_FILE };

struct writer_order {
	size_t size;			/* with what follows, and its padding */
	enum writer_what what;
	enum entry_type type;		/* this and the next ones: of an entry */
	bool replaces;
	mode_t mode;
	struct timespec mtime;
	size_t target;			/* where in bytes it is */
	uint64_t n, offset;		/* of data; n of an entry: file size */
	char bytes[];			/* path and target, or data */
};

/*
 * Entries of one directory mostly come one after another: it is kept open. No
 * directory is ever removed or renamed while we unpack, so it stays the right
 * one.
 */
struct writer_make {
	int tree_fd;			/* borrowed */
	int dir_fd;
	char dir[PATH_MAX];
	int fd;				/* of the file that is being written */
	uint64_t end;			/* behind its last byte so far */
	struct timespec mtime;
	uint64_t size;
	mode_t mode;
	char path[PATH_MAX];		/* of the file */
	struct writeback writeback;
};

void writer_make_init(struct writer_make *m, int tree_fd);
int writer_make(struct writer_make *m, const struct writer_order *o,
		struct error *e);
/* Nothing more comes; errors of the disk so far. */
int writer_make_finish(struct writer_make *m, struct error *e);
void writer_make_deinit(struct writer_make *m);
