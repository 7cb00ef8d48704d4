#pragma once

/*
 * verb.h - the verbs of a command line program, as a table from which usage,
 * completion and the check of the manual page come.
 */
#include "base/base.h"

#define EXIT_USAGE 2		/* wrong arguments; nothing was done */

struct verb {
	const char *name;		/* one word, or two ("host ps") */
	int min_args, max_args;		/* behind the verb; max -1 = any */
	int (*fn)(int argc, char **argv, void *userdata);	/* exit status */
	const char *args;		/* "APP TYPE=N..." */
	const char *doc;		/* one sentence, no full stop; NULL = hidden */
};

/* The verb whose name argv begins with, or NULL. *ret_words is how many words
 * of argv the name takes. */
const struct verb *verb_find(const struct verb *verbs, size_t n, int argc,
			     char **argv, int *ret_words);

/*
 * Find argv[0] among the verbs, check the number of arguments and call it
 * with argv[0] = the name's last word; getopt's state is reset for it. "help" and
 * no verb print the usage. Options of a verb do not count as arguments if
 * they are behind "--" or start with "-": the count is only checked when no
 * argument starts with "-". Returns the exit status.
 */
int verb_run(const char *program, const struct verb *verbs, size_t n, int argc,
	     char **argv, void *userdata);

/* Print the table: "usage: PROGRAM [OPTION...] VERB ..." and a line a verb. */
void verb_usage(const char *program, const struct verb *verbs, size_t n,
		bool to_stderr);
