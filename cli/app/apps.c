/*
 * apps.c - make, show and destroy apps.
 */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/client/app_call.h"
#include "cli/show/progress.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <stdio.h>

int apps_list(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_json *list = NULL;
	struct error e;
	json_t *app;
	size_t i;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	if (api_list(cli, "/apps", "name ..; max=1000", &list, &e) < 0)
		return cli_fail(&e);
	if (cli->json) {
		api_print(list);
		return 0;
	}
	json_array_foreach(list, i, app)
		puts(json_str(app, "name") ? json_str(app, "name") : "-");
	return 0;
}

int apps_create(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_progress progress = PROGRESS_INIT;
	auto_json *app = NULL;
	const char *name;
	struct error e;
	json_t *body;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	name = optind < argc ? argv[optind] : NULL;
	body = json_object();
	if (name)
		json_object_set_new(body, "name", json_string(name));
	progress_begin(&progress, name ? "Creating %s" : "Creating app", name);
	if (api_send(cli, "POST", "/apps", body, &app, &e) < 0)
		return progress_deinit(&progress), cli_fail(&e);
	name = json_str(app, "name");
	progress_end(&progress, "done, %s", name ? name : "?");
	if (cli->json)
		api_print(app);
	else
		puts(name ? name : "?");
	return 0;
}

static void apps_show_line(const char *key, const char *value)
{
	printf("%-12s %s\n", key, value && *value ? value : "-");
}

static void apps_show(const json_t *app)
{
	const json_t *size = json_object_get(app, "slug_size");

	printf("=== %s\n\n", json_str(app, "name"));
	apps_show_line("Id:", json_str(app, "id"));
	apps_show_line("Owner:", json_str(json_object_get(app, "owner"), "email"));
	apps_show_line("Region:", json_str(json_object_get(app, "region"), "name"));
	apps_show_line("Stack:", json_str(json_object_get(app, "stack"), "name"));
	apps_show_line("Web URL:", json_str(app, "web_url"));
	apps_show_line("Created:", json_str(app, "created_at"));
	apps_show_line("Maintenance:",
		       json_flag(app, "maintenance", false) ? "on" : "off");
	if (json_is_integer(size))
		printf("%-12s %.1f MiB\n", "Slug size:",
		       (double)json_integer_value(size) / (1 << 20));
}

int apps_info(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL;
	auto_json *app = NULL;
	const char *name;
	struct error e;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	name = optind < argc ? argv[optind] : cli_app(cli);
	if (!name)
		return EXIT_USAGE;
	path = api_path(name, "%s", "");
	if (api_get(cli, path, &app, &e) < 0)
		return cli_fail(&e);
	if (cli->json)
		api_print(app);
	else
		apps_show(app);
	return 0;
}

int apps_rename(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL;
	const char *app;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	path = api_path(app, "%s", "");
	return app_call_do(cli, "PATCH", path, json_pack("{s:s}", "name", argv[optind]),
			   "%s is %s from here on", app, argv[optind]);
}

int apps_destroy(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "confirm", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	auto_progress progress = PROGRESS_INIT;
	const char *name, *confirm = NULL;
	auto_free char *path = NULL, *what = NULL;
	struct error e;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "c:", options)) != -1) {
		if (c != 'c')
			return cli->status;
		confirm = optarg;
	}
	/* As with the heroku command, --confirm APP is enough. */
	if (optind == argc && !cli->app)
		cli->app = confirm;
	name = optind < argc ? argv[optind] : cli_app(cli);
	if (!name)
		return EXIT_USAGE;
	what = xasprintf("destroys %s and its dynos for good", name);
	if (!cli_confirm(cli, confirm, name, what))
		return cli->status;
	path = api_path(name, "%s", "");
	progress_begin(&progress, "Destroying %s", name);
	if (api_send(cli, "DELETE", path, NULL, NULL, &e) < 0)
		return progress_deinit(&progress), cli_fail(&e);
	progress_end(&progress, "done");
	return 0;
}
