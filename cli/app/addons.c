/*
 * addons.c - external resources: make, change, attach under more names, destroy.
 */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/client/app_call.h"
#include "cli/verbs.h"
#include "http/client.h"
#include "http/json.h"

#include <stdio.h>

static void addons_show(const char *app, const json_t *list)
{
	json_t *it, *var;
	size_t i, k;

	if (json_array_size(list) == 0)
		printf("%s has no add-ons.\n", app);
	json_array_foreach(list, i, it) {
		printf("%s (%s)", app_call_text(it, "name"),
		       app_call_text(json_object_get(it, "plan"), "name"));
		json_array_foreach(json_object_get(it, "config_vars"), k, var)
			printf(" %s", json_string_value(var));
		putchar('\n');
	}
}

int addons_list(int argc, char **argv, void *userdata)
{
	return app_call_list(userdata, argc, argv, "/addons", addons_show);
}

/* KEY=VALUE words; NULL: one is not, and the user has been told. */
static json_t *addons_values(char **words, int n)
{
	json_t *out = json_object();

	for (int i = 0; i < n; i++) {
		char *eq = strchr(words[i], '=');
		auto_free char *key = eq ? xstrndup(words[i],
						    (size_t)(eq - words[i])) : NULL;

		if (!key || !*key) {
			cli_usage("\"%s\" is not of the form KEY=VALUE", words[i]);
			json_decref(out);
			return NULL;
		}
		json_object_set_new(out, key, json_bytes(eq + 1, strlen(eq + 1)));
	}
	return out;
}

int addons_create(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "as", required_argument, NULL, 'A' },
		{ "name", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	const char *app, *as = NULL, *name = NULL;
	auto_free char *path = NULL;
	json_t *values;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "", options)) != -1) {
		if (c == 'A')
			as = optarg;
		else if (c == 'n')
			name = optarg;
		else
			return cli->status;
	}
	app = cli_app(cli);
	if (!app)
		return EXIT_USAGE;
	values = addons_values(argv + optind + 1, argc - optind - 1);
	if (!values)
		return EXIT_USAGE;
	path = api_path(app, "/addons");
	return app_call_do(cli, "POST", path, json_pack("{s:s, s:s*, s:{s:s*}, s:o}",
			   "plan", argv[optind], "name", name, "attachment", "name",
			   as, "config", values),
			   "Attached %s to %s", argv[optind], app);
}

int addons_set(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL, *name = NULL;
	auto_json *values = NULL;
	json_t *config, *value;
	const char *key;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	values = addons_values(argv + optind + 1, argc - optind - 1);
	if (!values)
		return EXIT_USAGE;
	config = json_array();
	json_object_foreach(values, key, value)
		json_array_append_new(config, json_pack("{s:s, s:O}", "name", key,
							"value", value));
	name = http_path_escape(argv[optind]);
	path = xasprintf("/addons/%s/config", name);
	return app_call_do(cli, "PATCH", path, json_pack("{s:o}", "config", config),
			   "Changed %s", argv[optind]);
}

int addons_attach(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "as", required_argument, NULL, 'A' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	const char *app, *as = NULL;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "", options)) != -1) {
		if (c != 'A')
			return cli->status;
		as = optarg;
	}
	app = cli_app(cli);
	if (!app)
		return EXIT_USAGE;
	return app_call_do(cli, "POST", "/addon-attachments",
			   json_pack("{s:s, s:s, s:s*}", "addon", argv[optind],
				     "app", app, "name", as),
			   "Attached %s to %s", argv[optind], app);
}

int addons_detach(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL, *by_id = NULL;
	auto_json *attachment = NULL;
	const char *app;
	struct error e;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	path = api_path_of(app, "/addon-attachments", argv[optind]);
	if (api_get(cli, path, &attachment, &e) < 0)
		return cli_fail(&e);
	by_id = xasprintf("/addon-attachments/%s", app_call_text(attachment, "id"));
	return app_call_do(cli, "DELETE", by_id, NULL, "Detached %s from %s",
			   argv[optind], app);
}

int addons_destroy(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "confirm", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	auto_free char *path = NULL, *what = NULL;
	const char *app, *confirm = NULL;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "c:", options)) != -1) {
		if (c != 'c')
			return cli->status;
		confirm = optarg;
	}
	app = cli_app(cli);
	if (!app)
		return EXIT_USAGE;
	what = xasprintf("takes the config vars of %s from %s", argv[optind], app);
	if (!cli_confirm(cli, confirm, app, what))
		return cli->status;
	path = api_path_of(app, "/addons", argv[optind]);
	return app_call_do(cli, "DELETE", path, NULL, "Destroyed %s", argv[optind]);
}
