/*
 * domains.c - the host names of an app.
 */
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/client/app_call.h"
#include "cli/verbs.h"

#include <stdio.h>

static void domains_show(const char *app, const json_t *list)
{
	json_t *d;
	size_t i;

	printf("=== %s Domains\n\n", app);
	json_array_foreach(list, i, d)
		printf("%-7s %s%s%s\n", app_call_text(d, "kind"),
		       app_call_text(d, "hostname"),
		       *app_call_text(d, "cname") ? " -> " : "",
		       app_call_text(d, "cname"));
}

int domains_list(int argc, char **argv, void *userdata)
{
	return app_call_list(userdata, argc, argv, "/domains", domains_show);
}

int domains_add(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL;
	const char *app;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	path = api_path(app, "/domains");
	return app_call_do(cli, "POST", path, json_pack("{s:s, s:n}", "hostname",
			   argv[optind], "sni_endpoint"),
			   "Added %s to %s", argv[optind], app);
}

int domains_remove(int argc, char **argv, void *userdata)
{
	return app_call_remove(userdata, argc, argv, "/domains",
			       "Removed %s from %s");
}
