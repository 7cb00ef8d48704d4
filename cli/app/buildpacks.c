/*
 * buildpacks.c - the buildpacks that are noted for an app.
 */
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/client/app_call.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <stdio.h>

static void buildpacks_show(const char *app, const json_t *list)
{
	json_t *it;
	size_t i;

	if (json_array_size(list) == 0)
		printf("%s has no buildpacks.\n", app);
	json_array_foreach(list, i, it)
		printf("%zu. %s\n", i + 1,
		       app_call_text(json_object_get(it, "buildpack"), "url"));
}

int buildpacks_list(int argc, char **argv, void *userdata)
{
	return app_call_list(userdata, argc, argv, "/buildpack-installations",
			     buildpacks_show);
}

int buildpacks_set(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL;
	json_t *updates;
	const char *app;
	int n;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	updates = json_array();
	n = argc - optind;
	for (int i = optind; i < argc; i++)
		json_array_append_new(updates, json_pack("{s:s}", "buildpack",
							 argv[i]));
	path = api_path(app, "/buildpack-installations");
	return app_call_do(cli, "PUT", path, json_pack("{s:o}", "updates", updates),
			   "%s has %d buildpack%s", app, n, n == 1 ? "" : "s");
}
