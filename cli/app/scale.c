/*
 * scale.c - the formation: how many dynos of which type and size.
 */
#include "cli/app/scale.h"

#include "base/buf.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/show/progress.h"
#include "cli/show/table.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <stdio.h>

#define SCALE_WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
		   "0123456789-_"
#define SCALE_DIGITS "0123456789"

/* A type may hold "-" itself ("web-1-1" takes one from "web-1"), so the sign
 * is looked for from the end. */
static const char *scale_sign(const char *text, size_t end)
{
	size_t i = end;

	while (i > 0 && strchr(SCALE_DIGITS, text[i - 1]))
		i--;
	if (i == end || i < 2 || !strchr("=+-", text[i - 1]))
		return NULL;
	return text + i - 1;
}

int scale_parse(const char *text, json_t *updates, struct error *e)
{
	size_t end = strcspn(text, ":");
	const char *sign = scale_sign(text, end);
	const char *size = text[end] ? text + end + 1 : NULL;
	json_t *update;
	size_t n_type;

	n_type = sign ? (size_t)(sign - text) : 0;
	if (!sign || strspn(text, SCALE_WORD) < n_type || end - n_type > 10 ||
	    (size && (!*size || strspn(size, SCALE_WORD) != strlen(size))))
		return error_set(e, EINVAL, "\"%s\" is not TYPE=N, TYPE+N or "
				 "TYPE-N, with :SIZE or without", text);
	update = json_object();
	json_object_set_new(update, "type", json_stringn(text, n_type));
	if (*sign == '=')
		sign++;
	json_object_set_new(update, "quantity",
			    json_stringn(sign, (size_t)(text + end - sign)));
	if (size)
		json_object_set_new(update, "size", json_string(size));
	json_array_append_new(updates, update);
	return 0;
}

static int scale_show(struct cli *cli, const char *app,
		      void (*show)(const json_t *formation))
{
	auto_free char *path = api_path(app, "/formation");
	auto_json *list = NULL;
	struct error e;

	if (api_list(cli, path, NULL, &list, &e) < 0)
		return cli_fail(&e);
	if (cli->json)
		api_print(list);
	else
		show(list);
	return 0;
}

static void scale_print(const json_t *list)
{
	const json_t *f;
	size_t i;

	json_array_foreach(list, i, f)
		printf("%s%s=%d:%s", i ? " " : "", json_str(f, "type"),
		       (int)json_int(f, "quantity", 0), json_str(f, "size"));
	puts("");
}

static void scale_done(struct progress *progress, json_t *list)
{
	auto_buf text = BUF_INIT;
	json_t *f;
	size_t i;

	json_array_foreach(list, i, f)
		buf_addf(&text, "%s %s at %d:%s", i ? "," : "",
			 json_str(f, "type"), (int)json_int(f, "quantity", 0),
			 json_str(f, "size"));
	progress_end(progress, "done, now running%s", buf_str(&text));
}

static int scale_change(struct cli *cli, const char *app, json_t *updates)
{
	auto_free char *path = api_path(app, "/formation");
	auto_progress progress = PROGRESS_INIT;
	auto_json *list = NULL;
	struct error e;

	progress_begin(&progress, "Scaling dynos");
	if (api_send(cli, "PATCH", path, json_pack("{s:O}", "updates", updates), &list,
		     &e) < 0)
		return progress_deinit(&progress), cli_fail(&e);
	scale_done(&progress, list);
	if (cli->json)
		api_print(list);
	return 0;
}

int scale_run(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_json *updates = json_array();
	const char *app;
	struct error e;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	if (optind == argc)
		return scale_show(cli, app, scale_print);
	for (int i = optind; i < argc; i++)
		if (scale_parse(argv[i], updates, &e) < 0)
			return cli_usage("%s", e.msg);
	return scale_change(cli, app, updates);
}

/* ---- sizes ---- */

static void scale_print_sizes(const json_t *list)
{
	auto_table t = { .columns = 4 };
	const json_t *f;
	size_t i;

	table_add(&t, "TYPE", "SIZE", "QUANTITY", "COMMAND");
	json_array_foreach(list, i, f) {
		auto_free char *n = xasprintf("%d", (int)json_int(f, "quantity", 0));

		table_add(&t, json_str(f, "type"), json_str(f, "size"), n,
			  json_str(f, "command"));
	}
	table_print(&t);
}

/* "web=basic", or a size for all types of the formation. */
static int scale_add_size(const json_t *formation, const char *word, json_t *updates)
{
	const char *eq = strchr(word, '=');
	const json_t *f;
	size_t i;

	if (eq == word || (eq && !eq[1]) || !*word)
		return cli_usage("\"%s\" is neither SIZE nor TYPE=SIZE", word);
	if (eq)
		json_array_append_new(updates, json_pack("{s:o, s:s}", "type",
				      json_stringn(word, (size_t)(eq - word)),
				      "size", eq + 1));
	json_array_foreach(formation, i, f)
		if (!eq)
			json_array_append_new(updates, json_pack("{s:s, s:s}", "type",
					      json_str(f, "type"), "size", word));
	return 0;
}

int scale_type(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_json *updates = json_array(), *formation = NULL;
	auto_free char *path = NULL;
	const char *app;
	struct error e;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	if (optind == argc)
		return scale_show(cli, app, scale_print_sizes);
	path = api_path(app, "/formation");
	if (api_list(cli, path, NULL, &formation, &e) < 0)
		return cli_fail(&e);
	for (int i = optind; i < argc; i++)
		if (scale_add_size(formation, argv[i], updates) != 0)
			return EXIT_USAGE;
	return scale_change(cli, app, updates);
}
