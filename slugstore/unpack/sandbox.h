#pragma once

/*
 * sandbox.h - run a function that reads a stranger's bytes in a child process
 * which can do nothing but fill one directory. Its author is trusted, but once
 * it has read its first byte it may be anybody's.
 *
 * The child
 *  - has the directory as its root, in a mount namespace of its own; without a
 *    directory, an empty one that cannot be written;
 *  - has those descriptors that it was given, and as 0 to 2 a pipe that is empty;
 *  - has empty network, IPC and UTS namespaces, in a user namespace which maps
 *    nothing but its own ids; no capability, and no way to get one;
 *  - makes those system calls only that sandbox_filter.c lists: none that opens
 *    a socket, executes, traces, signals or makes a process, none that gives a
 *    file a setuid bit, with one exception (see below);
 *  - is confined by Landlock too, where the kernel has it;
 *  - has limits on memory, descriptors, file size, threads and time; leaves no
 *    core, is not dumpable, and dies with its parent.
 *
 * Its user is the caller's: files must belong to who makes them, and no other
 * id can be had without privilege. So this is not what keeps it from the
 * caller's files; that is its root, where there are none, and that no call can
 * reach a process outside. It has the caller's memory of the moment of the
 * fork: who has secrets wipes them before.
 *
 * Where user namespaces are forbidden, root does without, and others are left
 * with Landlock and the filter: then the child can find out which files exist
 * outside, and change the times of the caller's, but open none. With neither,
 * nothing runs.
 *
 * What a child that was taken over can still do: put what it likes into its
 * directory (also files with a setuid bit, since a filter does not see the mode
 * in openat2(2): the caller looks at the tree afterwards, sandbox_unpack.c),
 * change mode and times of the files whose descriptors it was given (the caller
 * sets them right, store_unpack.c), fill the disk until its time is over, lie in
 * its result, and use the processor. Everything it says is checked for form and
 * for nothing else.
 */
#include "base/base.h"

struct error;
struct sandbox_inside;

#define SANDBOX_RESULT_MAX 512		/* bytes */
#define SANDBOX_FDS_MAX 8

/* Walls that can be left out, for tests of the others. */
#define SANDBOX_NAMESPACES 1U
#define SANDBOX_LANDLOCK 2U

struct sandbox_spec {
	int dir_fd;			/* -1: no directory */
	int fds[SANDBOX_FDS_MAX];	/* what else it keeps */
	size_t n_fds;
	uint64_t memory_bytes;		/* beyond what the caller has now */
	uint64_t file_bytes;		/* the largest file */
	uint64_t seconds;		/* then it is killed */
	unsigned without;		/* SANDBOX_*: walls not to build */

	/* In the child: 0 and *result (result_n bytes), or < 0 and *e. */
	int (*run)(struct sandbox_inside *in, void *userdata, void *result,
		   struct error *e);
	size_t result_n;

	/* In the parent: what the child passes to sandbox_progress(), and work to
	 * do while it runs: 1 = call me again, 0 = done, < 0 = *e, give up. Both
	 * may be NULL. */
	void (*on_progress)(uint64_t done, uint64_t total, void *userdata);
	void *on_progress_userdata;
	int (*meanwhile)(void *userdata, struct error *e);
	void *userdata;			/* of run and meanwhile */
};

/* Returns what run() did, with its error. EPERM: there is no way to confine it
 * here, and why. ETIME: killed in the end. EPROTO: it died or spoke nonsense.
 * When this returns, the child is gone. */
int sandbox_run(const struct sandbox_spec *spec, void *ret_result,
		struct error *e);

/* Inside: tell the parent, sometimes. in is the sandbox_inside: this can be
 * inflate_source's on_progress. */
void sandbox_progress(uint64_t done, uint64_t total, void *in);
