#pragma once

/*
 * glob.h - shell patterns as Ruby's Dir.glob has them, without a file system.
 *
 *   *  ?  [a-z]  [^a-z]  [!a-z]  \x	within one component of a path
 *   **	as a component before others: any number of directories, also none
 *
 * A leading dot is matched by a literal dot alone, and the directories of **
 * do not begin with one. ? and [...] stand for one character of UTF-8. A match
 * takes at most length of pattern x length of path steps. Pure.
 */
#include "base/base.h"

/* Both relative; "", "." and a final "/" are no components. */
bool glob_matches(const char *pattern, const char *path);
