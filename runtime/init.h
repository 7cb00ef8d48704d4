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
 *
 * It starts further commands inside of the dyno when it is asked to: dynod takes
 * one end of a socket pair, of which dyno-init has both, and sends a struct
 * init_request with two descriptors: a file with a struct init_command, and a
 * socket, which is the session (struct dyno_session in runtime.h). All is inherited
 * from PID 1: namespaces, cgroups, ids, filter and limits; so nothing privileged
 * has to enter the dyno.
 */
#include "base/base.h"

#define INIT_NAME "dyno-init"

enum {
	INIT_FD_EXIT = 3,	/* the exit file: one struct init_exit is written */
	INIT_FD_OUT,		/* read end of the output, or the PTY's master */
	INIT_FD_ERR,		/* read end of stderr, if it is separate */
	INIT_FD_LEASE,		/* the lock on the slug, if there is one: held only */
	INIT_FD_END,		/* first number that is free */

	INIT_FD_CONTROL = 15,	/* a request may be sent there. Made by itself: one of
				 * an older version has none */
};

#define INIT_REQUEST_MAGIC 0x64796e49U	/* "dynI" */

enum { INIT_REQUEST_SESSION, INIT_REQUEST_COMMAND, INIT_REQUEST_FDS };

/* One packet to INIT_FD_CONTROL; INIT_REQUEST_FDS descriptors come along. */
struct init_request {
	uint32_t magic;
	uint32_t tty;		/* a terminal, or else three pipes */
	uint16_t rows, cols;
};

#define INIT_COMMAND_MAX (160 * 1024)
#define INIT_WORDS_MAX 4096

/* In a file: the head, then as many strings, each ending in NUL. */
struct init_command {
	uint32_t n_argv, n_envp;
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
