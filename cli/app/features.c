/*
 * features.c - switches of an app, and its maintenance mode.
 */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/client/app_call.h"
#include "cli/show/table.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <stdio.h>

static void features_show(const char *app, const json_t *list)
{
	auto_table t = { .columns = 2 };
	json_t *f;
	size_t i;

	printf("=== %s Features\n\n", app);
	json_array_foreach(list, i, f) {
		auto_free char *name = xasprintf("[%c] %s", json_flag(f, "enabled", false)
						 ? '+' : ' ', app_call_text(f, "name"));

		table_add(&t, name, json_str(f, "description"));
	}
	table_print(&t);
}

int features_list(int argc, char **argv, void *userdata)
{
	return app_call_list(userdata, argc, argv, "/features", features_show);
}

static int features_switch(struct cli *cli, int argc, char **argv, bool on)
{
	auto_free char *path = NULL;
	const char *app;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	path = api_path_of(app, "/features", argv[optind]);
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

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
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

	name = cli_app_arguments(cli, argc, argv);
	if (!name)
		return cli->status;
	path = api_path(name, "%s", "");
	if (api_get(cli, path, &app, &e) < 0)
		return cli_fail(&e);
	if (cli->json)
		api_print(json_object_get(app, "maintenance"));
	else
		puts(json_flag(app, "maintenance", false) ? "on" : "off");
	return 0;
}
