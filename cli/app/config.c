/*
 * config.c - config vars of an app. Each change makes one release, whatever
 * the number of vars in it.
 */
#include "base/buf.h"
#include "base/error.h"
#include "cli/app/config.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/show/progress.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <ctype.h>
#include <stdio.h>

/* Characters that mean nothing to a shell. */
static bool config_is_plain(const char *value)
{
	static const char plain[] = "%+,-./:=@_";

	for (const char *p = value; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(plain, *p))
			return false;
	return *value != '\0';
}

char *config_shell_quote(const char *value)
{
	auto_buf out = BUF_INIT;

	if (config_is_plain(value))
		return xstrdup(value);
	buf_adds(&out, "'");
	for (const char *p = value; *p; p++) {
		if (*p == '\'')
			buf_adds(&out, "'\\''");
		else
			buf_add(&out, p, 1);
	}
	buf_adds(&out, "'");
	return buf_take(&out);
}

static void config_show_shell(const json_t *vars)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)vars, key, value) {
		const char *text = json_string_value(value);
		auto_free char *quoted = config_shell_quote(text ? text : "");

		printf("%s=%s\n", key, quoted);
	}
}

static void config_show(const char *app, const json_t *vars)
{
	const char *key;
	json_t *value;
	int width = 0;

	if (json_object_size(vars) == 0) {
		printf("%s has no config vars.\n", app);
		return;
	}
	json_object_foreach((json_t *)vars, key, value)
		width = (int)strlen(key) > width ? (int)strlen(key) : width;
	printf("=== %s Config Vars\n\n", app);
	json_object_foreach((json_t *)vars, key, value)
		printf("%s:%*s %s\n", key, width - (int)strlen(key), "",
		       json_string_value(value) ? json_string_value(value) : "");
}

static int config_read(struct cli *cli, const char *app, json_t **ret,
		       struct error *e)
{
	auto_free char *path = api_path(app, "/config-vars");
	int r;

	r = api_get(cli, path, ret, e);
	if (r == 0 && !json_is_object(*ret))
		return error_set(e, EPROTO, "GET %s: not an object", path);
	return r;
}

int config_list(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "shell", no_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	auto_json *vars = NULL;
	bool shell = false;
	const char *app;
	struct error e;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "s", options)) != -1) {
		if (c != 's')
			return cli->status;
		shell = true;
	}
	app = cli_app(cli);
	if (!app)
		return EXIT_USAGE;
	if (config_read(cli, app, &vars, &e) < 0)
		return cli_fail(&e);
	if (cli->json)
		api_print(vars);
	else if (shell)
		config_show_shell(vars);
	else
		config_show(app, vars);
	return 0;
}

int config_get(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_json *vars = NULL;
	const char *app, *value;
	struct error e;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	if (config_read(cli, app, &vars, &e) < 0)
		return cli_fail(&e);
	value = json_str(vars, argv[optind]);
	if (cli->json)
		api_print(json_object_get(vars, argv[optind]));
	else if (value)
		puts(value);
	/* As "heroku config:get": an absent var is an empty answer; but say it
	 * in the status, so that scripts can tell. */
	return value ? 0 : EXIT_FAILURE;
}

/* "done, v7", or "done" if the version cannot be had. */
static void config_done(struct cli *cli, const char *app, struct progress *p)
{
	auto_free char *path = api_path(app, "/releases");
	auto_json *list = NULL;

	/* Nobody reads it in a pipe. */
	if (!p->open)
		return;
	if (api_list(cli, path, "version ..; order=desc,max=1", &list, NULL) < 0)
		progress_end(p, "done");
	else
		progress_end(p, "done, v%d", (int)json_int(
			json_array_get(list, 0), "version", 0));
}

static int config_patch(struct cli *cli, const char *app, json_t *changes,
			const char *verb, const char *names)
{
	auto_free char *path = api_path(app, "/config-vars");
	auto_progress progress = PROGRESS_INIT;
	auto_json *vars = NULL, *wanted = json_incref(changes);
	const char *key;
	struct error e;
	json_t *value;

	progress_begin(&progress, "%s %s and restarting %s", verb, names, app);
	if (api_send(cli, "PATCH", path, changes, &vars, &e) < 0)
		return progress_deinit(&progress), cli_fail(&e);
	config_done(cli, app, &progress);
	if (cli->json) {
		api_print(vars);
		return 0;
	}
	json_object_foreach(wanted, key, value)
		if (json_is_string(value))
			printf("%s: %s\n", key, json_string_value(value));
	return 0;
}

static void config_add_name(struct buf *names, const char *name, size_t n)
{
	if (names->len > 0)
		buf_adds(names, ", ");
	buf_add(names, name, n);
}

int config_set(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_json *changes = json_object();
	auto_buf names = BUF_INIT;
	const char *app;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	for (int i = optind; i < argc; i++) {
		const char *eq = strchr(argv[i], '=');
		auto_free char *key = NULL;

		if (!eq || eq == argv[i])
			return cli_usage("\"%s\" is not KEY=VALUE", argv[i]);
		key = xstrndup(argv[i], (size_t)(eq - argv[i]));
		if (json_object_set_new(changes, key, json_string(eq + 1)) < 0)
			return cli_usage("config var %s is not UTF-8 text", key);
		config_add_name(&names, key, strlen(key));
	}
	return config_patch(cli, app, take_ptr(changes), "Setting",
			    buf_str(&names));
}

int config_unset(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_json *changes = json_object();
	auto_buf names = BUF_INIT;
	const char *app;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	for (int i = optind; i < argc; i++) {
		if (json_object_set_new(changes, argv[i], json_null()) < 0)
			return cli_usage("\"%s\" is not UTF-8 text", argv[i]);
		config_add_name(&names, argv[i], strlen(argv[i]));
	}
	return config_patch(cli, app, take_ptr(changes), "Unsetting",
			    buf_str(&names));
}
