/*
 * cli.c - options that all verbs know, and how dynoctl says no.
 */
#include "cli/cli.h"

#include "base/error.h"
#include "cli/help.h"
#include "http/client.h"

#include <stdio.h>

enum { CLI_OPT_ROOT = 256, CLI_OPT_JSON };

static const struct option cli_options[] = {
	{ "app", required_argument, NULL, 'a' },
	{ "root", required_argument, NULL, CLI_OPT_ROOT },
	{ "json", no_argument, NULL, CLI_OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
};

void cli_deinit(struct cli *cli)
{
	cli->client = http_client_free(cli->client);
}

static void cli_merge(struct cli *cli, const char *shorts,
		      const struct option *longs)
{
	const char *mode = *shorts == '+' ? "+" : "";
	size_t n = 0;

	/* ":" = getopt tells a missing value apart and prints nothing. */
	snprintf(cli->shorts, sizeof(cli->shorts), "%s:a:h%s", mode,
		 shorts + strlen(mode));
	for (; longs && longs[n].name; n++)
		cli->longs[n] = longs[n];
	assert(n + ARRAY_SIZE(cli_options) < CLI_OPTIONS_MAX);
	memcpy(cli->longs + n, cli_options, sizeof(cli_options));
	n += ARRAY_SIZE(cli_options);
	cli->longs[n] = (struct option){ NULL, 0, NULL, 0 };
}

static int cli_help(struct cli *cli, int status)
{
	if (status == 0)
		help_verb(cli->verb);
	else
		fprintf(stderr, "usage: dynoctl %s %s\n", cli->verb->name,
			cli->verb->args);
	cli->status = status;
	return '?';
}

static int cli_bad_option(struct cli *cli, int c, char **argv)
{
	const char *arg = argv[optind - 1];

	if (c == ':')
		cli->status = cli_usage("option \"%s\" needs a value", arg);
	else if (optopt > 0 && optopt < 256)
		cli->status = cli_usage("unknown option \"-%c\"", optopt);
	else
		cli->status = cli_usage("unknown option \"%s\"", arg);
	return '?';
}

static int cli_count(struct cli *cli, int n)
{
	const struct verb *v = cli->verb;

	if (!v || (n >= v->min_args && (v->max_args < 0 || n <= v->max_args)))
		return -1;
	return cli_help(cli, EXIT_USAGE);
}

int cli_getopt(struct cli *cli, int argc, char **argv, const char *shorts,
	       const struct option *longs)
{
	int c;

	cli_merge(cli, shorts, longs);
	opterr = 0;
	for (;;) {
		optopt = 0;
		c = getopt_long(argc, argv, cli->shorts, cli->longs, NULL);
		switch (c) {
		case 'a':
			cli->app = optarg;
			break;
		case CLI_OPT_ROOT:
			cli->root = optarg;
			break;
		case CLI_OPT_JSON:
			cli->json = true;
			break;
		case 'h':
			return cli->verb ? cli_help(cli, 0) : 'h';
		case '?':
		case ':':
			return cli_bad_option(cli, c, argv);
		case -1:
			return cli_count(cli, argc - optind);
		default:
			return c;
		}
	}
}

bool cli_arguments(struct cli *cli, int argc, char **argv)
{
	return cli_getopt(cli, argc, argv, "", NULL) == -1;
}

const char *cli_app(const struct cli *cli)
{
	if (cli->app && *cli->app)
		return cli->app;
	cli_usage("which app? Say -a APP or set DYNO_APP");
	return NULL;
}

const char *cli_app_arguments(struct cli *cli, int argc, char **argv)
{
	const char *app = NULL;

	if (cli_arguments(cli, argc, argv)) {
		app = cli_app(cli);
		cli->status = EXIT_USAGE;
	}
	return app;
}

static bool cli_ask(struct cli *cli, const char *name, const char *what)
{
	char answer[256];

	fprintf(stderr, "This %s. Type %s to go on: ", what, name);
	if (!fgets(answer, sizeof(answer), stdin))
		answer[0] = '\0';
	answer[strcspn(answer, "\n")] = '\0';
	if (str_eq(answer, name))
		return true;
	fputs("dynoctl: not confirmed, nothing was done\n", stderr);
	cli->status = EXIT_FAILURE;
	return false;
}

bool cli_confirm(struct cli *cli, const char *given, const char *name, const char *what)
{
	if (given && str_eq(given, name))
		return true;
	if (given)
		cli->status = cli_usage("--confirm %s does not name %s", given, name);
	else if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
		return cli_ask(cli, name, what);
	else
		cli->status = cli_usage("this %s; say --confirm %s", what, name);
	return false;
}

int cli_fail(const struct error *e)
{
	fflush(stdout);
	fprintf(stderr, "dynoctl: %s\n", e->msg);
	return EXIT_FAILURE;
}

int cli_usage(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("dynoctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

bool cli_number(const char *text, long min, long max, long *ret)
{
	char *end;
	long x;

	errno = 0;
	x = strtol(text, &end, 10);
	if (errno || end == text || *end || x < min || x > max)
		return false;
	*ret = x;
	return true;
}
