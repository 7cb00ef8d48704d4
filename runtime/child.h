#pragma once

/*
 * child.h - the child side of runtime/spawn.c: from clone3() to execve().
 */
#include "base/base.h"
#include "runtime/plan.h"

#define CHILD_EXIT_REPORTED 125		/* a struct child_report was written */
#define CHILD_EXIT_SILENT   124		/* not even that was possible */

/* What a failing child tells: fixed size, below PIPE_BUF, hence atomic. With
 * err 0 it is no failure: "op" is a descriptor for the parent to take, the
 * terminal's master (stage STDIO), the staging area (LAYERS) or the number that
 * the listener of the filter will have (FILTER); in stage START it waits; and
 * from a helper that joins namespaces (stage WAIT), "pid" is the child. Of a hook
 * that failed "pid" is the exit status, or less than 0 the signal. */
struct child_report {
	int32_t err;
	uint16_t stage;
	uint16_t op;
	int32_t pid;
};

/* Borrowed descriptors, all close-on-exec; -1 = none. */
struct child_fds {
	int go;				/* a byte from the parent for each AWAIT,
					 * and for each descriptor that it took */
	int go_peer;			/* the parent's end, to be closed */
	int report;			/* end of file = executed */
	int exec;			/* what EXEC_FD executes: dyno-init */
	int exit;			/* the exit file of a dyno */
	int in, out, err;		/* the command's ends; in -1 = /dev/null */
	int hold_out, hold_err;		/* our ends that dyno-init keeps */
	int lease;			/* kept by dyno-init, too */
	int stage;			/* the helper's work, detached */
	int start;			/* listening socket of START */
	int state;			/* state document for HOOK */
	bool inherit;			/* 0, 1 and 2 are as they are, nothing is kept
					 * by an init (OCI) */
	uint64_t *trace;		/* shared memory: nanoseconds for each stage, or
					 * NULL */
};

#define CHILD_FDS_INIT ((struct child_fds){ -1, -1, -1, -1, -1, -1, -1, -1, \
	-1, -1, -1, -1, -1, -1, false, NULL })

/* With plan->by_host a helper comes first: root of the host in a mount namespace
 * of its own. It runs stage LAYERS, and ends when its work has been taken. */
_Noreturn void child_build(const struct plan *plan, const struct child_fds *fds);
_Noreturn void child_main(const struct plan *plan, const struct child_fds *fds);

/* With plan->n_joins a helper comes first too. It enters those namespaces, then
 * makes the child, as a child of its own parent, from args; it reports the
 * child's pid and ends. */
struct clone_args;
_Noreturn void child_join(const struct plan *plan, const struct child_fds *fds,
			  const struct clone_args *args);
