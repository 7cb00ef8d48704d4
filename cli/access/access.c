/*
 * access.c - who may use an app, and which worker hosts may come.
 */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/client/app_call.h"
#include "cli/show/table.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <stdio.h>

static void access_show(const char *app, const json_t *list)
{
	auto_table t = { .columns = 2 };
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		table_add(&t, json_str(json_object_get(one, "user"), "email"),
			  json_str(one, "role"));
	table_print(&t);
}

int access_list(int argc, char **argv, void *userdata)
{
	return app_call_list(userdata, argc, argv, "/collaborators", access_show);
}

int access_add(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL;
	const char *app;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	path = api_path(app, "/collaborators");
	return app_call_do(cli, "POST", path,
			   json_pack("{s:s}", "user", argv[optind]),
			   "%s may use %s", argv[optind], app);
}

int access_remove(int argc, char **argv, void *userdata)
{
	return app_call_remove(userdata, argc, argv, "/collaborators",
			       "%s may no longer use %s");
}

/* The token alone, for the file of upstream-token-file. */
int access_host(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_json *token = NULL;
	struct error e;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	if (api_send(cli, "POST", "/host-tokens",
		     json_pack("{s:s}", "host", argv[optind]), &token, &e) < 0)
		return cli_fail(&e);
	if (cli->json)
		api_print(token);
	else
		puts(app_call_text(json_object_get(token, "access_token"),
				   "token"));
	return 0;
}
