/*
 * releases.c - the history of an app, and the way back in it.
 */
#include "base/error.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "cli/when.h"
#include "http/json.h"

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

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	app = cli_app(cli);
	if (!app)
		return EXIT_USAGE;
	name = optind < argc ? argv[optind] : NULL;
	if (name && strspn(name + (*name == 'v'), "0123456789") !=
	    strlen(name + (*name == 'v')))
		return cli_usage("\"%s\" is not a release like v7", name);
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
	if (cli->json)
		api_print(release);
	else
		printf("v%d\n", (int)json_int(release, "version", 0));
	return 0;
}
