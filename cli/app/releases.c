/*
 * releases.c - the history of an app, and the way back in it.
 */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/client/release_follow.h"
#include "cli/show/progress.h"
#include "cli/show/when.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <signal.h>
#include <stdio.h>

#define RELEASES_MAX 1000

static const char *releases_str(const json_t *release, const char *key)
{
	const char *s = json_str(release, key);

	return s ? s : "";
}

static int releases_current(const json_t *list)
{
	json_t *release;
	size_t i;

	json_array_foreach((json_t *)list, i, release)
		if (json_flag(release, "current", false))
			return (int)json_int(release, "version", 0);
	return 0;
}

static void releases_show(const char *app, json_t *list)
{
	int width = 0, current = releases_current(list);
	char when[WHEN_TEXT_MAX];
	json_t *release;
	size_t i;

	if (json_array_size(list) == 0) {
		printf("%s has no releases.\n", app);
		return;
	}
	printf("=== %s Releases", app);
	if (current > 0)
		printf(" - Current: v%d", current);
	puts("\n");
	json_array_foreach(list, i, release) {
		int w = (int)strlen(releases_str(release, "description"));

		width = w > width ? w : width;
	}
	json_array_foreach(list, i, release) {
		const char *status = releases_str(release, "status");

		printf("v%-4d %-*s  %s  %s%s%s\n",
		       (int)json_int(release, "version", 0), width,
		       releases_str(release, "description"),
		       releases_str(json_object_get(release, "user"), "email"),
		       when_text(when, json_str(release, "created_at")),
		       str_eq(status, "succeeded") ? "" : "  ",
		       str_eq(status, "succeeded") ? "" : status);
	}
}

int releases_list(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "num", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	auto_free char *path = NULL, *range = NULL;
	auto_json *list = NULL;
	const char *app;
	struct error e;
	long num = 15;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "n:", options)) != -1) {
		if (c != 'n')
			return cli->status;
		if (!cli_number(optarg, 1, RELEASES_MAX, &num))
			return cli_usage("--num %s is not a number from 1 to %d",
					 optarg, RELEASES_MAX);
	}
	app = cli_app(cli);
	if (!app)
		return EXIT_USAGE;
	path = api_path(app, "/releases");
	range = xasprintf("version ..; max=%ld, order=desc", num);
	if (api_list(cli, path, range, &list, &e) < 0)
		return cli_fail(&e);
	if (cli->json)
		api_print(list);
	else
		releases_show(app, list);
	return 0;
}

static bool releases_name_ok(const char *name)
{
	const char *digits = name + (*name == 'v');

	if (*digits && strspn(digits, "0123456789") == strlen(digits))
		return true;
	cli_usage("\"%s\" is not a release like v7", name);
	return false;
}

/* Without a number: the second newest that one can go back to (the newest is
 * what runs). */
static int releases_target(struct cli *cli, const char *app, const char *name,
			   json_t **ret, struct error *e)
{
	auto_free char *path = NULL;
	auto_json *list = NULL;
	json_t *release;
	int r, seen = 0;
	size_t i;

	if (name) {
		path = api_path(app, "/releases/%s",
				*name == 'v' ? name + 1 : name);
		return api_get(cli, path, ret, e);
	}
	path = api_path(app, "/releases");
	r = api_list(cli, path, "version ..; max=100, order=desc", &list, e);
	if (r < 0)
		return r;
	json_array_foreach(list, i, release)
		if (json_flag(release, "eligible_for_rollback", false) &&
		    ++seen == 2) {
			*ret = json_incref(release);
			return 0;
		}
	return error_set(e, ENOENT, "%s has no earlier release to go back to",
			 app);
}

int releases_rollback(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_progress progress = PROGRESS_INIT;
	auto_json *target = NULL, *release = NULL;
	auto_free char *path = NULL;
	const char *app, *name;
	struct error e;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	name = optind < argc ? argv[optind] : NULL;
	if (name && !releases_name_ok(name))
		return EXIT_USAGE;
	if (releases_target(cli, app, name, &target, &e) < 0)
		return cli_fail(&e);
	progress_begin(&progress, "Rolling back %s to v%d", app,
		       (int)json_int(target, "version", 0));
	path = api_path(app, "/releases");
	if (api_send(cli, "POST", path,
		     json_pack("{s:s}", "release", releases_str(target, "id")),
		     &release, &e) < 0)
		return progress_deinit(&progress), cli_fail(&e);
	progress_end(&progress, "done, v%d", (int)json_int(release, "version", 0));
	if (release_follow_made(cli, app, &release, &e) < 0)
		return cli_fail(&e);
	if (cli->json)
		api_print(release);
	else
		printf("v%d\n", (int)json_int(release, "version", 0));
	return 0;
}

/* ---- one release ---- */

/* The arguments of the verbs for one release. *ret_name: "v7", or NULL. */
static int releases_one(struct cli *cli, int argc, char **argv,
			const char **ret_app, const char **ret_name)
{
	*ret_app = cli_app(cli);
	*ret_name = optind < argc ? argv[optind] : NULL;
	if (!*ret_app || (*ret_name && !releases_name_ok(*ret_name)))
		return EXIT_USAGE;
	return 0;
}

static void releases_show_vars(const json_t *vars)
{
	const char *key;
	json_t *value;

	puts("\n=== Config Vars\n");
	json_object_foreach((json_t *)vars, key, value)
		printf("%s=%s\n", key, json_string_value(value));
}

static void releases_show_one(const json_t *release, const json_t *vars)
{
	const char *slug = json_str(json_object_get(release, "slug"), "id");
	char when[WHEN_TEXT_MAX];

	printf("=== Release v%d%s\n\n", (int)json_int(release, "version", 0),
	       json_flag(release, "current", false) ? " (current)" : "");
	printf("Change:   %s\nBy:       %s\nWhen:     %s\nStatus:   %s\n",
	       releases_str(release, "description"),
	       releases_str(json_object_get(release, "user"), "email"),
	       when_text(when, json_str(release, "created_at")),
	       releases_str(release, "status"));
	if (json_str(release, "failure"))
		printf("Failure:  %s\n", json_str(release, "failure"));
	printf("Slug:     %s\n", slug ? slug : "none");
	if (vars)
		releases_show_vars(vars);
}

int releases_info(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_json *release = NULL, *vars = NULL;
	auto_free char *path = NULL, *config = NULL;
	const char *app, *name;
	struct error e;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	if (releases_one(cli, argc, argv, &app, &name) != 0)
		return EXIT_USAGE;
	if (!name)
		name = "current";
	path = api_path(app, "/releases/%s", name);
	config = api_path(app, "/releases/%s/config-vars", name);
	if (api_get(cli, path, &release, &e) < 0)
		return cli_fail(&e);
	if (cli->json) {
		api_print(release);
		return 0;
	}
	if (!str_eq(releases_str(release, "status"), "expired") &&
	    api_get(cli, config, &vars, &e) < 0)
		return cli_fail(&e);
	releases_show_one(release, vars);
	return 0;
}

/* The newest release, or the newest one that has a command. */
static int releases_newest(struct cli *cli, const char *app, bool output,
			   char **ret, struct error *e)
{
	auto_free char *path = api_path(app, "/releases");
	auto_json *list = NULL;
	json_t *release;
	size_t i;
	int r = api_list(cli, path, output ? "version ..; max=100, order=desc" :
			 "version ..; max=1, order=desc", &list, e);

	if (r < 0)
		return r;
	json_array_foreach(list, i, release)
		if (!output || json_str(release, "output_stream_url")) {
			*ret = xasprintf("%d", (int)json_int(release, "version", 0));
			return 0;
		}
	return error_set(e, ENOENT, output ? "no release of %s has run a command" :
			 "%s has no releases", app);
}

int releases_output(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *newest = NULL, *path = NULL;
	auto_json *release = NULL, *after = NULL;
	const char *app, *name;
	struct error e;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	if (releases_one(cli, argc, argv, &app, &name) != 0)
		return EXIT_USAGE;
	if (!name && releases_newest(cli, app, true, &newest, &e) < 0)
		return cli_fail(&e);
	name = name ? name : newest;
	path = api_path(app, "/releases/%s", name);
	if (api_get(cli, path, &release, &e) < 0)
		return cli_fail(&e);
	if (!json_str(release, "output_stream_url")) {
		error_set(&e, ENOENT, "release %s of %s has no command", name, app);
		return cli_fail(&e);
	}
	signal(SIGPIPE, SIG_DFL);
	if (release_follow(cli, app, name, STDOUT_FILENO, RELEASE_FOLLOW_TIMEOUT_SEC,
			   &after, &e) < 0)
		return cli_fail(&e);
	return 0;
}

int releases_wait(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	auto_progress progress = PROGRESS_INIT;
	auto_free char *newest = NULL;
	auto_json *release = NULL;
	const char *app, *name;
	long sec = RELEASE_FOLLOW_TIMEOUT_SEC;
	struct error e;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "t:", options)) != -1) {
		if (c != 't')
			return cli->status;
		if (!cli_number(optarg, 0, 86400, &sec))
			return cli_usage("--timeout %s is not a number of seconds",
					 optarg);
	}
	if (releases_one(cli, argc, argv, &app, &name) != 0)
		return EXIT_USAGE;
	if (!name && releases_newest(cli, app, false, &newest, &e) < 0)
		return cli_fail(&e);
	name = name ? name : newest;
	progress_begin(&progress, "Waiting for %s%s of %s", *name == 'v' ? "" : "v", name,
		       app);
	if (release_follow(cli, app, name, -1, sec, &release, &e) < 0)
		return progress_deinit(&progress), cli_fail(&e);
	progress_end(&progress, "%s", releases_str(release, "status"));
	if (cli->json)
		api_print(release);
	return release_follow_check(release, &e) < 0 ? cli_fail(&e) : 0;
}
