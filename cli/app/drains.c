/*
 * drains.c - log drains of an app: show, add, remove.
 */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <stdio.h>

static const char *drains_text(const json_t *drain, const char *key)
{
	const char *s = json_str(drain, key);

	return s ? s : "-";
}

int drains_list(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL;
	auto_json *list = NULL;
	const char *app;
	struct error e;
	json_t *drain;
	size_t i;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	path = api_path(app, "/log-drains");
	if (api_list(cli, path, NULL, &list, &e) < 0)
		return cli_fail(&e);
	if (cli->json) {
		api_print(list);
		return 0;
	}
	json_array_foreach(list, i, drain)
		printf("%s (%s)\n", drains_text(drain, "url"),
		       drains_text(drain, "token"));
	return 0;
}

static void drains_count(const char *who, const json_t *of, const char *key)
{
	printf("  %-24s %12lld %s\n", who, (long long)json_int(of, key, 0), key);
}

static void drains_show_stats(const json_t *stats)
{
	static const char *const counts[] = { "produced", "delivered", "dropped",
					      "waiting" };
	json_t *it;
	size_t i;

	json_array_foreach(json_object_get(stats, "dynos"), i, it) {
		auto_free char *who = xasprintf("%s[%s]", drains_text(it, "source"),
						drains_text(it, "ps"));

		drains_count(who, it, "stored");
		drains_count("", it, "dropped");
	}
	json_array_foreach(json_object_get(stats, "drains"), i, it) {
		printf("%s%s%s\n", drains_text(it, "token"), json_str(it, "error") ?
		       ": " : "", json_str(it, "error") ? json_str(it, "error") : "");
		for (size_t k = 0; k < ARRAY_SIZE(counts); k++)
			drains_count("", it, counts[k]);
	}
}

int logs_stats(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL;
	auto_json *stats = NULL;
	const char *app;
	struct error e;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	path = api_path(app, "/log-stats");
	if (api_get(cli, path, &stats, &e) < 0)
		return cli_fail(&e);
	if (cli->json)
		api_print(stats);
	else
		drains_show_stats(stats);
	return 0;
}

/* One call that answers with the drain. */
static int drains_change(struct cli *cli, const char *method, const char *path,
			 json_t *body, const char *done)
{
	auto_json *drain = NULL;
	struct error e;

	if (api_send(cli, method, path, body, &drain, &e) < 0)
		return cli_fail(&e);
	if (cli->json)
		api_print(drain);
	else
		printf("Successfully %s drain %s\n", done, drains_text(drain, "url"));
	return 0;
}

int drains_add(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL;
	const char *app;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	path = api_path(app, "/log-drains");
	return drains_change(cli, "POST", path, json_pack("{s:s}", "url", argv[optind]),
			     "added");
}

int drains_remove(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL;
	const char *app;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	path = api_path_of(app, "/log-drains", argv[optind]);
	return drains_change(cli, "DELETE", path, NULL, "removed");
}
