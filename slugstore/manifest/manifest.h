#pragma once

/*
 * manifest.h - what a tree must be: the file .ok, written while it is unpacked.
 *
 * Text, ASCII, a line for each path:
 *
 *	manifest 1
 *	d MODE MTIME PATH			a directory
 *	f MODE MTIME SIZE SHA256 PATH		a file
 *	l MTIME PATH TARGET			a symbolic link
 *	h PATH TARGET				one more name of TARGET's file
 *	end SHA256				of all lines above; the last one
 *
 * MODE is four octal digits, MTIME is SECONDS.NANOSECONDS or "-" (whatever it
 * is), SIZE decimal. A path begins with "app". Bytes up to the space, '\' and
 * those from 0x7f are '\' and two hex digits. There is one way to write a thing,
 * and a reader takes no other.
 *
 * The order is the archive's. A later line for a path replaces the earlier one;
 * the TARGET of h is what had that path at that line.
 */
#include "base/base.h"

#include <sys/types.h>
#include <time.h>

struct error;
struct manifest_writer;

#define MANIFEST_PATH_MAX 4095		/* bytes of a path or target */
#define MANIFEST_LINE_MAX (2 * 3 * MANIFEST_PATH_MAX + 128)	/* with newline */
#define MANIFEST_LINES_MAX 2000000	/* what a reader puts up with */

enum manifest_type {
	MANIFEST_DIRECTORY,
	MANIFEST_FILE,
	MANIFEST_SYMLINK,
	MANIFEST_HARDLINK,
};

struct manifest_entry {
	enum manifest_type type;
	const char *path;	/* "app" or "app/..." */
	mode_t mode;		/* of directory and file: permissions, sticky */
	uint64_t size;		/* of a file */
	struct timespec mtime;	/* not of a hard link; UTIME_OMIT: not said */
	const char *sha256;	/* of a file's bytes, in hex */
	const char *target;	/* of a link; of a hard link: a path */
};

/* Begin to write to fd (borrowed, at its beginning; written in large pieces). */
int manifest_writer_new(struct manifest_writer **ret, int fd, struct error *e);
struct manifest_writer *manifest_writer_free(struct manifest_writer *w);
DEFINE_AUTO(struct manifest_writer, manifest_writer_free)

/* One line. Every path that is made needs one, also the directories that the
 * archive only implies (UTIME_OMIT). That the entry can be written at all is
 * asserted: entry.h has refused others. */
int manifest_add(struct manifest_writer *w, const struct manifest_entry *en,
		 struct error *e);

/* The last line, and out with what is buffered; then w may only be freed. */
int manifest_finish(struct manifest_writer *w, struct error *e);
