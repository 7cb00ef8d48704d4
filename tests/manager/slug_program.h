#pragma once

/*
 * slug_program.h - a program of a few lines of shell in place of dyno-slug.
 *
 * It appends its arguments, from the verb on, as a line to the file "ran" of its
 * store, waits while there is a file "hold", then sources the file that is named
 * after the slug of a "get", or after any other verb, if there is one.
 */
#include "manager/slug/slug_command.h"

struct slug_program {
	char dir[64];			/* the store */
	char *path;
	struct slug_command command;
};

void slug_program_init(struct slug_program *p);
void slug_program_deinit(struct slug_program *p);

void slug_program_put(struct slug_program *p, const char *name, const char *text);
void slug_program_take_away(struct slug_program *p, const char *name);

/* How many have begun; the lines so far, which the caller frees. */
size_t slug_program_count(const struct slug_program *p);
char *slug_program_ran(const struct slug_program *p);

/* Serve the loop until n have begun; fails the test if it are more, or less after
 * five seconds. */
void slug_program_await(struct slug_program *p, size_t n);

/* Serve the loop for a while. */
void slug_program_serve(struct slug_program *p, unsigned msec);
