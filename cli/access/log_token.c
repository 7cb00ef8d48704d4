/*
 * log_token.c - the credential of a log shipper, and a URL to be given to it.
 */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <stdio.h>

/* https://token:t.UUID@HOST/logs: what log-shuttle's -logs-url takes. */
static void log_token_print(const json_t *token)
{
	const char *text = json_str(token, "token"), *url = json_str(token, "url");
	const char *host = url ? strstr(url, "://") : NULL;

	printf("%s\n", text ? text : "");
	if (host && text)
		printf("%.*stoken:%s@%s\n", (int)(host + 3 - url), url, text,
		       host + 3);
}

int logs_token(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "source", required_argument, NULL, 's' },
		{ "renew", no_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	const char *source = "app", *app;
	struct cli *cli = userdata;
	auto_free char *path = NULL;
	auto_json *token = NULL;
	bool renew = false;
	struct error e;
	int c, r;

	while ((c = cli_getopt(cli, argc, argv, "s:", options)) != -1) {
		if (c == 's')
			source = optarg;
		else if (c == 'r')
			renew = true;
		else
			return cli->status;
	}
	app = cli_app(cli);
	if (!app)
		return EXIT_USAGE;
	path = api_path(app, "/log-tokens");
	r = api_send(cli, "POST", path, json_pack("{s:s, s:b}", "source", source,
						  "renew", renew), &token, &e);
	if (r < 0)
		return cli_fail(&e);
	if (cli->json)
		api_print(token);
	else
		log_token_print(token);
	return 0;
}
