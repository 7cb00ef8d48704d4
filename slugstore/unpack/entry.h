#pragma once

/*
 * entry.h - the policy for one entry of a slug: may it be, where does it go?
 *
 * Pure: no file, no state. What depends on other entries is tree.h's.
 *
 * - A path is relative and has no "..": anything else is refused, wherever it
 *   points, also outside ./app. "app/x" is the same as "./app/x".
 * - What is outside ./app is ignored, whatever it is.
 * - Regular files, directories, symbolic and hard links; nothing else.
 * - No setuid or setgid bit.
 * - A symbolic link is only ever resolved inside the dyno, where the whole root
 *   is the dyno's own. So an absolute target is allowed (/usr/bin/python3 in a
 *   virtualenv, /app/x). A relative one which climbs above ./app is refused:
 *   nobody needs it, and it would mean another file wherever else the tree is.
 * - A hard link leads to a path below ./app, under the same rules. One to a
 *   symbolic link is that link at another place, and must stay from there too.
 */
#include "base/base.h"

#include <limits.h>
#include <sys/stat.h>
#include <time.h>

struct error;
struct limits;

#define ENTRY_IGNORED 1		/* outside ./app */
#define ENTRY_QUOTE_MAX 164	/* two of them fit into a message */

enum entry_type { ENTRY_DIRECTORY, ENTRY_FILE, ENTRY_SYMLINK, ENTRY_HARDLINK };

/* What the archive says. */
struct entry_claim {
	const char *path;	/* NULL: has none that can be read */
	const char *symlink;	/* target, or NULL */
	const char *hardlink;	/* target, or NULL */
	mode_t mode;		/* type and permissions */
	int64_t size;
	struct timespec mtime;
};

/* What we make of it. */
struct entry_verdict {
	enum entry_type type;
	char path[PATH_MAX];	/* "app" or "app/..." */
	char target[PATH_MAX];	/* symlink: verbatim; hard link: like path */
	mode_t mode;		/* permissions and sticky bit */
	uint64_t size;		/* of a file; else 0 */
	unsigned climb;		/* of a symlink: "../" before it goes down */
	struct timespec mtime;
};

/* 0 and *ret, ENTRY_IGNORED, or < 0 with a message that names the entry. */
int entry_decide(const struct entry_claim *claim, const struct limits *limits,
		 struct entry_verdict *ret, struct error *e);

/* May a relative symbolic link that climbs so far be at path? */
bool entry_link_stays(const char *path, unsigned climb);

/* A name made fit for a message: cut, and '?' for what is no UTF-8, control
 * characters, and those without a width or that turn the direction of text. */
char *entry_quote(char out[ENTRY_QUOTE_MAX], const char *name);

/* The same for a whole message, in place; quotation marks and length stay. */
void entry_quote_text(char *text);
