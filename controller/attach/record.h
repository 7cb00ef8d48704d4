#pragma once

/*
 * record.h - how a client's output is cut into TLS records.
 *
 * The heroku command looks for "\xEF\xBF\xBF heroku-command-exit-status: N"
 * within one piece of data: a line that begins with (or holds) these three
 * bytes must not be split between records. And where its output is no terminal
 * it makes "\n" of "\r\n", but only within one piece.
 */
#include "base/base.h"

#define RECORD_MAX 16384
#define RECORD_MARKED_MAX 256	/* a marked line longer than this is no marker */

/*
 * How many of the n waiting bytes may go as the next record. 0: wait for the
 * rest of the line, at most for a moment; then call with hurry.
 */
size_t record_cut(const char *data, size_t n, bool hurry);
