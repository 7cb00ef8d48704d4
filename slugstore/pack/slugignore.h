#pragma once

/*
 * slugignore.h - what of a directory does not get into its slug.
 *
 * .slugignore at the top has one pattern a line (glob.h). Text from "#" on is
 * cut, blanks around are, too. A pattern with "/" in it is relative to the top;
 * one without matches at the top and in every directory below, unless the name
 * of one on the way begins with a dot. A final "/" wants a directory.
 * {a,b} is both, also nested. What matches goes with all that is in it. There
 * is no negation: "!" is a character. ".." matches nothing.
 *
 * As with Dir.glob, which Heroku's slug compiler applies to them, wildcards do
 * not match a leading dot: "*" leaves .profile alone, ".*" takes it.
 *
 * Always left out: .git, .gitmodules and .DS_Store anywhere, and what is in
 * log and tmp at the top (the directories stay).
 */
#include "base/base.h"

struct error;
struct slugignore;

#define SLUGIGNORE_NAME ".slugignore"
#define SLUGIGNORE_BYTES_MAX (64 * 1024)
#define SLUGIGNORE_PATTERNS_MAX 1024	/* with what braces mean */

/* EINVAL, naming the line: a NUL, or too many braces or patterns. */
int slugignore_parse(const char *text, size_t n, struct slugignore **ret,
		     struct error *e);
struct slugignore *slugignore_free(struct slugignore *s);
DEFINE_AUTO(struct slugignore, slugignore_free)

/* path: relative to the top. What is above it has been asked before. */
bool slugignore_matches(const struct slugignore *s, const char *path,
			bool is_directory);

/* Is it left out always? */
bool slugignore_is_dropped(const char *path);
