#pragma once

/*
 * child.h - the child side of runtime/spawn.c: from clone3() to execveat().
 */
#include "base/base.h"
#include "runtime/cgroup.h"
#include "runtime/plan.h"

#define CHILD_EXIT_REPORTED 125		/* a struct child_report was written */
#define CHILD_EXIT_SILENT   124		/* not even that was possible */

/* Stages of the child, in the order in which they run. */
#define CHILD_STAGES(X) \
	X(CGROUP,   "join its cgroups") \
	X(WAIT,     "wait for the parent") \
	X(IDENTITY, "become root of its user namespace") \
	X(SESSION,  "begin a session") \
	X(LAYERS,   "build the layers of the root") \
	X(ROOTFS,   "build the root file system") \
	X(NETWORK,  "configure the network") \
	X(LIMITS,   "set its limits") \
	X(STDIO,    "set up its standard streams") \
	X(PRIVILEGE, "drop privileges") \
	X(FILTER,   "load the system call filter") \
	X(EXEC,     "execute dyno-init")

enum child_stage {
#define X(name, text) CHILD_##name,
	CHILD_STAGES(X)
#undef X
};

/* What a failing child tells: fixed size, below PIPE_BUF, hence atomic. With
 * err 0 it is no failure: "op" is a descriptor to take, the PTY's master (stage
 * STDIO) or the staging area (LAYERS). */
struct child_report {
	int32_t err;
	uint16_t stage;
	uint16_t op;		/* index of the operation or step in the stage */
};

/* Borrowed descriptors, all close-on-exec; -1 = none. */
struct child_fds {
	int go;				/* one byte: ids mapped; a second: network;
					 * with a terminal, a third: master taken */
	int go_peer;			/* the parent's end, to be closed */
	int report;			/* EOF = executed */
	int init;			/* dyno-init in a sealed memory file */
	int exit;			/* the exit file */
	int in, out, err;		/* the command's ends; in -1 = /dev/null.
					 * All -1 for a terminal. */
	int hold_out, hold_err;		/* our ends that dyno-init keeps */
	int trees[PLAN_TREE_COUNT];	/* detached mounts */
	int stage;			/* the helper's work, detached */
	const struct cgroup *cgroup;	/* procs_fds to join by itself */
};

/* With plan->by_host a helper comes first: root of the host in a mount namespace
 * of its own. It builds the layers, and ends when they have been taken. */
_Noreturn void child_build(const struct plan *plan, const struct child_fds *fds);
_Noreturn void child_main(const struct plan *plan, const struct child_fds *fds);
