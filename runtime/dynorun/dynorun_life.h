#pragma once

/*
 * dynorun_life.h - what commands that make a process have in common.
 */
#include "base/base.h"

#include <sys/types.h>

struct error;

/* Write pid to a file, in one step; path NULL: nothing. */
int dynorun_life_pid_file(int dirfd, const char *path, pid_t pid, struct error *e);

/* A path that was meant below cwd_fd, for a process that went elsewhere. NULL
 * stays NULL; else the caller frees it. */
char *dynorun_life_path(int cwd_fd, const char *path);
