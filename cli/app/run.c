/*
 * run.c - one-off dynos: attached to our terminal or pipes, or detached; and commands
 * inside of dynos that run.
 */
#include "cli/app/run.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/client/attach.h"
#include "cli/client/attach_door.h"
#include "cli/show/progress.h"
#include "cli/verbs.h"
#include "http/client.h"
#include "http/json.h"

#include <stdio.h>

enum { RUN_OPT_NO_TTY = 300, RUN_OPT_RELEASE };

static const struct option run_options[] = {
	{ "no-tty", no_argument, NULL, RUN_OPT_NO_TTY },
	{ "detach", no_argument, NULL, 'd' },
	{ "size", required_argument, NULL, 's' },
	{ "release", required_argument, NULL, RUN_OPT_RELEASE },
	{ "env", required_argument, NULL, 'e' },
	{ NULL, 0, NULL, 0 },
};

static const struct option run_inside_options[] = {
	{ "no-tty", no_argument, NULL, RUN_OPT_NO_TTY },
	{ "env", required_argument, NULL, 'e' },
	{ NULL, 0, NULL, 0 },
};

struct run {
	struct cli *cli;
	const char *app;
	const char *inside;		/* the dyno; NULL: one of its own */
	bool detach, no_tty, tty;
	char *command;
	json_t *body;			/* of POST dynos */
	json_t *env;			/* borrowed from body */
	json_t *dyno;			/* the API's */
	struct progress progress;
	struct attach_door door;
};

#define RUN_INIT(c) { \
	.cli = (c), .body = json_object(), .env = json_object(), \
	.progress = PROGRESS_INIT, \
}

static void run_deinit(struct run *run)
{
	progress_deinit(&run->progress);
	json_decref(run->body);
	json_decref(run->dyno);
	free(run->command);
}

char *run_join(int argc, char **argv)
{
	auto_buf out = BUF_INIT;

	if (argc == 1)
		return xstrdup(argv[0]);
	for (int i = 0; i < argc; i++) {
		bool quote = strpbrk(argv[i], " \"") != NULL;

		buf_adds(&out, i ? " " : "");
		buf_adds(&out, quote ? "\"" : "");
		for (const char *p = argv[i]; *p; p++) {
			buf_adds(&out, *p == '"' ? "\\" : "");
			buf_add(&out, p, 1);
		}
		buf_adds(&out, quote ? "\"" : "");
	}
	return buf_take(&out);
}

static int run_set_env(struct run *run, const char *text)
{
	const char *eq = strchr(text, '=');
	auto_free char *key = NULL;

	if (!eq || eq == text)
		return cli_usage("-e \"%s\" is not KEY=VALUE", text);
	key = xstrndup(text, (size_t)(eq - text));
	if (json_object_set_new(run->env, key, json_string(eq + 1)) < 0)
		return cli_usage("-e %s: not UTF-8 text", key);
	return 0;
}

/* Returns 0, or the exit status in cli->status with a negative result. */
static int run_parse(struct run *run, int argc, char **argv, const char *letters,
		     const struct option *options)
{
	struct cli *cli = run->cli;
	int c;

	while ((c = cli_getopt(cli, argc, argv, letters, options)) != -1) {
		switch (c) {
		case RUN_OPT_NO_TTY:
			run->no_tty = true;
			break;
		case 'd':
			run->detach = true;
			break;
		case 's':
			json_object_set_new(run->body, "size",
					    json_string(optarg));
			break;
		case RUN_OPT_RELEASE:
			json_object_set_new(run->body, "release",
					    json_string(optarg));
			break;
		case 'e':
			cli->status = run_set_env(run, optarg);
			if (cli->status)
				return -1;
			break;
		default:
			return -1;
		}
	}
	run->tty = !run->no_tty && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	return 0;
}

static int run_describe(struct run *run)
{
	const char *term = getenv("TERM");
	uint16_t rows, cols;

	if (json_object_set_new(run->body, "command",
				json_string(run->command)) < 0)
		return cli_usage("the command is not UTF-8 text");
	json_object_set_new(run->body, "attach", json_boolean(!run->detach));
	if (!run->detach && !run->tty)
		json_object_set_new(run->body, "force_no_tty", json_true());
	if (run->detach || !run->tty)
		return 0;
	if (term)
		json_object_set_new(run->env, "TERM", json_string(term));
	if (terminal_size(STDOUT_FILENO, &rows, &cols)) {
		json_object_set_new(run->env, "LINES", json_integer(rows));
		json_object_set_new(run->env, "COLUMNS", json_integer(cols));
	}
	return 0;
}

static int run_create(struct run *run, struct error *e)
{
	auto_free char *name = run->inside ? http_path_escape(run->inside) : NULL;
	auto_free char *end = xasprintf("/dynos%s%s", name ? "/" : "",
					name ? name : "");
	auto_free char *path = api_path(run->app, "%s", end);

	progress_begin(&run->progress, "Running %s on %s", run->command,
		       run->inside ? run->inside : run->app);
	return api_send(run->cli, "POST", path, json_incref(run->body),
			&run->dyno, e);
}

static const char *run_name(const struct run *run)
{
	const char *name = run->inside ? run->inside
				       : json_str(run->dyno, "name");

	return name ? name : "?";
}

static void run_on_running(void *userdata)
{
	struct run *run = userdata;

	progress_end(&run->progress, "up, %s", run_name(run));
}

static int run_connect(int *ret_fd, struct buf *early, void *userdata,
		       struct error *e)
{
	struct run *run = userdata;

	return error_prefix(e, attach_door_connect(&run->door, ret_fd, early, e),
			    "attach to %s", run_name(run));
}

static int run_attached(struct run *run, int *ret_status, struct error *e)
{
	run->door = (struct attach_door){
		.cli = run->cli, .url = json_str(run->dyno, "attach_url"),
	};
	return attach_run(&(struct attach_spec){
		.connect = run_connect, .tty = run->tty,
		.on_running = run_on_running, .userdata = run,
	}, ret_status, e);
}

static void run_show_detached(struct run *run)
{
	progress_end(&run->progress, "done, %s", run_name(run));
	if (run->cli->json)
		api_print(run->dyno);
	else
		puts(run_name(run));
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "Run \"dynoctl logs -a %s --dyno %s\" to view "
			"the output.\n", run->app, run_name(run));
}

static bool run_has_late_app(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (str_after(argv[i], "-a") || str_after(argv[i], "--app"))
			return true;
	return false;
}

static int run_go(struct run *run, int argc, char **argv)
{
	int r, status = 0;
	struct error e;

	run->command = run_join(argc, argv);
	if (!run->cli->app && run_has_late_app(argc, argv))
		return cli_usage("which app? What stands behind the command belongs to "
				 "it: say run -a APP COMMAND");
	run->app = cli_app(run->cli);
	if (!run->app || run_describe(run) != 0)
		return EXIT_USAGE;
	r = run_create(run, &e);
	if (r == 0 && run->detach)
		run_show_detached(run);
	else if (r == 0)
		r = run_attached(run, &status, &e);
	progress_deinit(&run->progress);
	return r < 0 ? cli_fail(&e) : status;
}

static int run_start(struct cli *cli, int argc, char **argv, bool detach)
{
	auto_(run_deinit) struct run run = RUN_INIT(cli);

	run.detach = detach;
	json_object_set_new(run.body, "env", run.env);
	if (run_parse(&run, argc, argv, "+ds:e:", run_options) < 0)
		return cli->status;
	return run_go(&run, argc - optind, argv + optind);
}

int run_run(int argc, char **argv, void *userdata)
{
	return run_start(userdata, argc, argv, false);
}

int run_detached(int argc, char **argv, void *userdata)
{
	return run_start(userdata, argc, argv, true);
}

/* Options stand before the dyno or, as for the heroku command, behind it. */
int run_inside(int argc, char **argv, void *userdata)
{
	auto_(run_deinit) struct run run = RUN_INIT(userdata);

	json_object_set_new(run.body, "env", run.env);
	if (run_parse(&run, argc, argv, "+e:", run_inside_options) < 0)
		return run.cli->status;
	run.inside = argv[optind++];
	if (run_parse(&run, argc, argv, "+e:", run_inside_options) < 0)
		return run.cli->status;
	return run_go(&run, argc - optind, argv + optind);
}
