/*
 * dynoctl - the command line of the platform.
 *
 * Results go to standard output, everything for a person to standard error.
 * Exit status: 0 done, 1 failed, 2 wrong usage; "run" has the command's.
 */
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/verbs.h"

#include <fcntl.h>
#include <stdio.h>

/* A closed standard stream would become the first socket that we open. */
static void dynoctl_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	fd_close(fd);
}

/* "dynoctl host" and "dynoctl host --help" ask which verbs there are. */
static bool dynoctl_noun(int argc, char **argv)
{
	bool asks = argc == 1 || str_eq(argv[1], "--help") || str_eq(argv[1], "-h");

	return asks && help_noun(argv[0]);
}

static int dynoctl_verb(struct cli *cli, int argc, char **argv)
{
	const struct verb *v;
	int words, status;

	v = verbs_find(argc, argv, &words);
	if (!v && argc > 0 && dynoctl_noun(argc, argv))
		return argc == 1 ? EXIT_USAGE : EXIT_SUCCESS;
	if (!v && argc > 0)
		return cli_usage("no verb \"%s%s%s\"; \"dynoctl help\" lists them",
				 argv[0], argc > 1 ? " " : "",
				 argc > 1 ? argv[1] : "");
	if (!v) {
		help_overview(stderr);
		return EXIT_USAGE;
	}
	cli->verb = v;
	optind = 0;		/* GNU: scan a new vector */
	status = v->fn(argc - words + 1, argv + words - 1, cli);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		perror("dynoctl: write to standard output");
		return status ? status : EXIT_FAILURE;
	}
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	auto_(cli_deinit) struct cli cli = { .app = getenv("DYNO_APP") };
	int c;

	dynoctl_standard_streams();
	while ((c = cli_getopt(&cli, argc, argv, "+V", options)) != -1) {
		if (c == 'V')
			return verbs_version(1, argv, &cli);
		if (c == 'h')
			return verbs_help(1, argv, &cli);
		return cli.status;
	}
	return dynoctl_verb(&cli, argc - optind, argv + optind);
}
