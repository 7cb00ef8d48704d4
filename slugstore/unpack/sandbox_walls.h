#pragma once

/*
 * sandbox_walls.h - the steps by which a child of sandbox.c confines itself.
 */
#include "slugstore/unpack/sandbox.h"

#include <sys/types.h>

/* All of it, in the child, which has one thread and knows its parent's id. 0,
 * or EPERM naming what is missing. fds of spec and report_fd stay open. */
int sandbox_walls_build(const struct sandbox_spec *spec, int report_fd,
			pid_t parent, struct error *e);

/* sandbox_filter.c: from here on only these system calls. */
int sandbox_filter_load(bool has_dir, struct error *e);

/* sandbox_landlock.c: reach no file but those below dir_fd (-1: none). 0, or
 * < 0 and nothing has changed. */
int sandbox_landlock(int dir_fd, struct error *e);
