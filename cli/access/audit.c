/*
 * audit.c - who has changed what.
 */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/client/app_call.h"
#include "cli/show/table.h"
#include "cli/show/when.h"
#include "cli/verbs.h"
#include "http/client.h"
#include "http/json.h"

#include <stdio.h>

#define AUDIT_MAX 1000

static void audit_show(const json_t *list)
{
	auto_table t = { .columns = 8 };
	char when[WHEN_TEXT_MAX];

	/* The API has the newest first; people read on downwards. */
	for (size_t i = json_array_size(list); i-- > 0; ) {
		const json_t *it = json_array_get(list, i);
		auto_free char *status = xasprintf("%d", (int)json_int(it, "status", 0));

		table_add(&t, when_text(when, json_str(it, "created_at")),
			  json_str(json_object_get(it, "user"), "email"),
			  json_str(it, "from"), status, json_str(it, "method"),
			  json_str(it, "route"),
			  json_str(json_object_get(it, "app"), "name"),
			  app_call_text(it, "target"));
	}
	table_print(&t);
}

int audit_run(int argc, char **argv, void *userdata)
{
	static const struct option longs[] = {
		{ "num", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	auto_free char *path = NULL, *app = NULL;
	auto_json *list = NULL;
	struct error e;
	long n = 100;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "n:", longs)) != -1) {
		if (c != 'n')
			return cli->status;
		if (!cli_number(optarg, 1, AUDIT_MAX, &n))
			return cli_usage("-n: a number from 1 to %d", AUDIT_MAX);
	}
	app = cli->app ? http_path_escape(cli->app) : NULL;
	path = xasprintf("/audit?max=%ld%s%s", n, app ? "&app=" : "",
			 app ? app : "");
	if (api_get(cli, path, &list, &e) < 0)
		return cli_fail(&e);
	if (cli->json)
		api_print(list);
	else
		audit_show(list);
	return 0;
}
