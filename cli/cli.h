#pragma once

/*
 * cli.h - what every verb of dynoctl shares: where to connect, which app, and
 * how options, errors and usage are handled.
 *
 * A verb is "int noun_verb(int argc, char **argv, void *userdata)" with
 * userdata = struct cli *; it returns the exit status of the program. It walks
 * its options with cli_getopt() to the end before it does anything; that also
 * checks the number of arguments.
 */
#include "base/base.h"
#include "base/verb.h"

#include <getopt.h>

struct error;
struct http_client;

#define CLI_OPTIONS_MAX 16

struct cli {
	const char *app;		/* -a, or DYNO_APP; NULL = none */
	const char *root;		/* --root; NULL = none */
	bool json;			/* --json */
	const struct verb *verb;	/* the one that runs */
	int status;			/* exit status after cli_getopt() said '?' */
	struct http_client *client;	/* made by the first call of the API */
	int http_status;		/* of the last call; 0: no answer; -1: not made */
	char shorts[2 * CLI_OPTIONS_MAX];
	struct option longs[CLI_OPTIONS_MAX];
};

void cli_deinit(struct cli *cli);

/*
 * getopt_long() with the options of all verbs (-a, --app, --root, --json, -h)
 * added and dealt with. shorts may begin with "+" (stop at the first argument);
 * longs may be NULL, and ends with an empty entry. -1: all read, the number of
 * arguments fits, they are argv[optind...]. '?': return cli->status.
 */
int cli_getopt(struct cli *cli, int argc, char **argv, const char *shorts,
	       const struct option *longs);

/* For verbs without options of their own. false: return cli->status. */
bool cli_arguments(struct cli *cli, int argc, char **argv);

/* The app to work on; NULL: the user has been told, return EXIT_USAGE. */
const char *cli_app(const struct cli *cli);

/* Both, for verbs of an app that have no options of their own. NULL: return
 * cli->status. */
const char *cli_app_arguments(struct cli *cli, int argc, char **argv);

/*
 * Before something is destroyed: given is the value of --confirm, NULL = none; it has
 * to be name. Without it a person at a terminal is asked. what: "destroys shop and its
 * dynos for good". false: return cli->status.
 */
bool cli_confirm(struct cli *cli, const char *given, const char *name, const char *what);

/* Print "dynoctl: MESSAGE"; return the status for "failed". */
int cli_fail(const struct error *e);

/* Print "dynoctl: ..."; return EXIT_USAGE. */
int cli_usage(const char *fmt, ...) PRINTF(1, 2);

/* A whole number within min..max. */
bool cli_number(const char *text, long min, long max, long *ret);

/* All verbs of dynoctl, and how many. */
extern const struct verb cli_verbs[];
extern const size_t cli_n_verbs;
