#pragma once

/*
 * dynorun_option.h - command line options as runc (Go) and crun (argp) take
 * them, from a table: "--name value", "--name=value", "-name value", "-n value",
 * "-nvalue", several flags in one word; "--flag=false" takes a flag back. "--"
 * ends them.
 */
#include "base/base.h"

struct error;

enum dynorun_option_type {
	OPTION_FLAG,			/* bool */
	OPTION_TEXT,			/* const char *, borrowed from argv; NULL */
	OPTION_NUMBER,			/* unsigned */
	OPTION_LIST,			/* struct dynorun_list: once or several times */
};

struct dynorun_option {
	const char *name;
	char key;			/* one letter, or 0 */
	enum dynorun_option_type type;
	size_t offset;			/* in the struct that is filled */
	const char *arg;		/* "FILE"; NULL for a flag */
	const char *doc;		/* one sentence, no full stop */
};

#define DYNORUN_LIST_MAX 1024

struct dynorun_list {
	const char *v[DYNORUN_LIST_MAX];
	size_t n;
};

/*
 * Fills out, which is zero before, and moves what is no option to the front of
 * argv: *ret_argc of them, in order, NULL behind. With stop_at_arg the first
 * that is none ends the options; "--" does so always, and is dropped. EINVAL.
 */
int dynorun_option_parse(const struct dynorun_option *options, size_t n,
			 bool stop_at_arg, int argc, char **argv, void *out,
			 int *ret_argc, struct error *e);

/* "  -b, --bundle DIR   the bundle's directory" for each, to standard output. */
void dynorun_option_print(const struct dynorun_option *options, size_t n);
