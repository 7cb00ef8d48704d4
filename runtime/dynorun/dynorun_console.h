#pragma once

/*
 * dynorun_console.h - wait for a process of ours in the foreground: pass signals
 * on, and carry bytes between our streams and its terminal, if it has one.
 */
#include "base/base.h"

#include <sys/types.h>

struct error;

struct dynorun_console {
	int master;			/* of its terminal; -1: it has our streams */
	int signal_fd;
};

#define DYNORUN_CONSOLE_INIT ((struct dynorun_console){ -1, -1 })

/* From now on signals wait for dynorun_console_wait(). */
int dynorun_console_begin(struct dynorun_console *c, struct error *e);

/* Give the terminal the size of ours. */
void dynorun_console_size(const struct dynorun_console *c);

/* *ret_status: its exit status, or 128 and the signal. pid is a child of ours,
 * which is reaped. All that it wrote to its terminal has been written. */
int dynorun_console_wait(struct dynorun_console *c, pid_t pid, int *ret_status,
			 struct error *e);
void dynorun_console_deinit(struct dynorun_console *c);
