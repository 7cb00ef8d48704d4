#pragma once

/*
 * tripwire_call.h - which system calls change or read files, and what they do it to.
 */
#include "base/base.h"

#include <limits.h>
#include <sys/types.h>

struct __ptrace_syscall_info;

enum call_set {
	CALL_CHANGE = 1,	/* after it, the file system or a lock is another */
	CALL_SPACE  = 2,	/* may fail with ENOSPC */
	CALL_IO     = 4,	/* may fail with EIO */
	CALL_SYNC   = 8,	/* what a power cut is about */
	CALL_WRITE  = 16,	/* may write less than it was asked to */
};

struct call {
	long nr;
	const char *name;
	unsigned sets;
	int fd_arg;		/* -1: none, a path alone */
	int path_arg;		/* -1: none, a descriptor alone */
	int flags_arg;		/* open flags that must hold O_CREAT; -1: none */
};

#define CALL_TARGET_MAX (2 * PATH_MAX)

/* The set's number, or 0. */
unsigned call_set_by_name(const char *name);

/* NULL: a call that is of no interest. */
const struct call *call_find(const struct __ptrace_syscall_info *info);

/* What the call of this stopped thread is done to: a path, "pipe:[7]"... */
void call_target(const struct call *c, pid_t tid,
		 const struct __ptrace_syscall_info *info,
		 char ret[CALL_TARGET_MAX]);
