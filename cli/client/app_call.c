/*
 * app_call.c - one call, one answer.
 */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/client/app_call.h"
#include "http/json.h"

#include <stdio.h>

int app_call_list(struct cli *cli, int argc, char **argv, const char *rest,
		  app_call_show_fn show)
{
	auto_free char *path = NULL;
	auto_json *list = NULL;
	const char *app;
	struct error e;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	path = api_path(app, "%s", rest);
	if (api_list(cli, path, "id ..; max=1000", &list, &e) < 0)
		return cli_fail(&e);
	if (cli->json)
		api_print(list);
	else
		show(app, list);
	return 0;
}

int app_call_do(struct cli *cli, const char *method, const char *path, json_t *body,
		const char *fmt, ...)
{
	auto_json *answer = NULL;
	struct error e;
	va_list ap;

	if (api_send(cli, method, path, body, &answer, &e) < 0)
		return cli_fail(&e);
	if (cli->json) {
		api_print(answer);
		return 0;
	}
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return 0;
}

int app_call_remove(struct cli *cli, int argc, char **argv, const char *nouns,
		    const char *fmt)
{
	const char *app = cli_app_arguments(cli, argc, argv);
	auto_free char *path = NULL;

	if (!app)
		return cli->status;
	path = api_path_of(app, nouns, argv[optind]);
	return app_call_do(cli, "DELETE", path, NULL, fmt, argv[optind], app);
}

const char *app_call_text(const json_t *object, const char *key)
{
	const char *text = json_str(object, key);

	return text ? text : "";
}
