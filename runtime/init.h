#pragma once

/*
 * init.h - what dynod and dyno-init agree upon.
 *
 *   dyno-init [-t] -- COMMAND [ARGUMENT...]
 *
 * dyno-init is PID 1 of a dyno. It inherits the command's standard streams as
 * 0, 1 and 2, and holds the descriptors below until the dyno ends: dynod takes
 * them out again by pidfd_getfd(). With -t, descriptor 0 is a terminal and
 * becomes the controlling one.
 */
#include "base/base.h"

#define INIT_NAME "dyno-init"

enum {
	INIT_FD_EXIT = 3,	/* the exit file: one struct init_exit is written */
	INIT_FD_OUT,		/* read end of the output, or the PTY's master */
	INIT_FD_ERR,		/* read end of stderr, if it is separate */
	INIT_FD_LEASE,		/* the lock on the slug, if there is one: held only */
	INIT_FD_END,		/* first number that is free */
};

#define INIT_EXIT_MAGIC 0x64796e78U	/* "dynx" */

/* How the command ended. A shorter file means that dyno-init was killed. */
struct init_exit {
	uint32_t magic;
	int32_t status;		/* 0..255, or 128 + signal */
	int32_t signal;		/* 0, or what ended the command */
	uint32_t unused;
	uint64_t usec;		/* CLOCK_REALTIME */
};
