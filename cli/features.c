/*
 * features.c - switches of an app, and its maintenance mode.
 */
#include "base/error.h"
#include "cli/api.h"
#include "cli/app_call.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "http/client.h"
#include "http/json.h"

#include <stdio.h>

static void features_show(const char *app, const json_t *list)
{
	json_t *f;
	size_t i;

	printf("=== %s Features\n\n", app);
	json_array_foreach(list, i, f)
		printf("[%c] %-24s %s\n", json_flag(f, "enabled", false) ? '+' : ' ',
		       app_call_text(f, "name"), app_call_text(f, "description"));
}

int features_list(int argc, char **argv, void *userdata)
{
	return app_call_list(userdata, argc, argv, "/features", features_show);
}

static int features_switch(struct cli *cli, int argc, char **argv, bool on)
{
	auto_free char *path = NULL, *name = NULL;
	const char *app;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	app = cli_app(cli);
	if (!app)
		return EXIT_USAGE;
	name = http_path_escape(argv[optind]);
	path = api_path(app, "/features/%s", name);
	return app_call_do(cli, "PATCH", path, json_pack("{s:b}", "enabled", on),
			   "%s %s for %s", on ? "Enabled" : "Disabled",
			   argv[optind], app);
}

int features_enable(int argc, char **argv, void *userdata)
{
	return features_switch(userdata, argc, argv, true);
}

int features_disable(int argc, char **argv, void *userdata)
{
	return features_switch(userdata, argc, argv, false);
}

static int features_maintenance_set(struct cli *cli, int argc, char **argv, bool on)
{
	auto_free char *path = NULL;
	const char *app;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	app = cli_app(cli);
	if (!app)
		return EXIT_USAGE;
	path = api_path(app, "%s", "");
	return app_call_do(cli, "PATCH", path, json_pack("{s:b}", "maintenance", on),
			   "Maintenance mode of %s is %s", app, on ? "on" : "off");
}

int features_maintenance_on(int argc, char **argv, void *userdata)
{
	return features_maintenance_set(userdata, argc, argv, true);
}

int features_maintenance_off(int argc, char **argv, void *userdata)
{
	return features_maintenance_set(userdata, argc, argv, false);
}

int features_maintenance(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL;
	auto_json *app = NULL;
	const char *name;
	struct error e;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	name = cli_app(cli);
	if (!name)
		return EXIT_USAGE;
	path = api_path(name, "%s", "");
	if (api_get(cli, path, &app, &e) < 0)
		return cli_fail(&e);
	if (cli->json)
		api_print(json_object_get(app, "maintenance"));
	else
		puts(json_flag(app, "maintenance", false) ? "on" : "off");
	return 0;
}
