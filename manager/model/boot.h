#pragma once

/*
 * boot.h - how a dyno's command is run: argv, environment, and the way the
 * command is shown in the log. Pure.
 *
 * bash sources /app/.profile.d/<any>.sh in C order, then /app/.profile, then
 * gives way to a fresh bash which runs the command: so what the scripts
 * export is there, and nothing else of them. A script that fails stops nothing.
 */
#include "base/base.h"
#include "base/strv.h"

struct assignment;

/* What dyno-init shall execute. */
void boot_argv(struct strv *ret, const char *command);

/* Config vars, then what the platform says: DYNO, PORT and HOME always win,
 * PATH is a default. */
void boot_env(struct strv *ret, const struct assignment *a, uint16_t port);

/* The command with $NAME, ${NAME} and ${NAME:-word} of the environment filled
 * in, on one line; what the environment does not have stays as it is. The
 * caller frees. */
char *boot_command_shown(const char *command, const struct strv *env);
