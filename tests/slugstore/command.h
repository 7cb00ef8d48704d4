#pragma once

/*
 * command.h - run dyno-slug as its users do: arguments, output, exit status.
 */
#include "base/buf.h"

struct command {
	char *program;
	const char *store;		/* borrowed */
	struct buf out, err;		/* of the last run */
};

void command_init(struct command *c, const char *store);
void command_deinit(struct command *c);

/* Arguments up to NULL, behind --store; the exit status. */
int command_run(struct command *c, const char *const *args);
#define command(c, ...) \
	command_run((c), (const char *const []){ __VA_ARGS__, NULL })

/* The last line of standard error, which is one of ours, holds text. */
void command_says(struct command *c, const char *text);
