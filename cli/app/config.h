#pragma once

/*
 * config.h - config vars as shell text.
 */

/* The value as one word of a POSIX shell: as it is if that is harmless, else
 * in single quotes. Owned by the caller. */
char *config_shell_quote(const char *value);
