/*
 * tokens.c - API tokens: of oneself; of others and of worker hosts for admins.
 */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/client/app_call.h"
#include "cli/show/table.h"
#include "cli/verbs.h"
#include "http/client.h"
#include "http/json.h"

#include <stdio.h>

#define HOSTS "hosts"
#define EXPIRES_SEC_MAX (100L * 365 * 24 * 3600)

/* Where the tokens of an account are; NULL: one's own. */
static char *tokens_path(const char *email)
{
	auto_free char *name = email ? http_path_escape(email) : NULL;

	if (email && str_eq(email, HOSTS))
		return xstrdup("/host-tokens");
	return email ? xasprintf("/accounts/%s/authorizations", name)
		     : xstrdup("/oauth/authorizations");
}

static const char *tokens_or(const json_t *token, const char *key,
			     const char *other)
{
	const char *text = json_str(token, key);

	return text ? text : other;
}

int tokens_list(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_table t = { .columns = 5 };
	auto_free char *path = NULL;
	auto_json *list = NULL;
	json_t *token;
	struct error e;
	size_t i;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	path = tokens_path(optind < argc ? argv[optind] : NULL);
	if (api_get(cli, path, &list, &e) < 0)
		return cli_fail(&e);
	if (cli->json) {
		api_print(list);
		return 0;
	}
	if (json_array_size(list) > 0)
		table_add(&t, "ID", "SCOPE", "USED", "EXPIRES", "FOR");
	json_array_foreach(list, i, token)
		table_add(&t, json_str(token, "id"),
			  json_string_value(json_array_get(
				json_object_get(token, "scope"), 0)),
			  tokens_or(token, "used_at", "never"),
			  tokens_or(token, "expires_at", "never"),
			  tokens_or(token, "host", app_call_text(token,
								 "description")));
	table_print(&t);
	return 0;
}

/* "90" or "90s", "12h", "30d". */
static bool tokens_period(const char *text, long *ret_sec)
{
	static const struct { char unit; long sec; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 24 * 3600 },
	};
	size_t n = strlen(text);
	auto_free char *number = xstrdup(text);
	long by = 1;

	for (size_t i = 0; n && i < ARRAY_SIZE(units); i++)
		if (text[n - 1] == units[i].unit) {
			by = units[i].sec;
			number[n - 1] = '\0';
			break;
		}
	if (!cli_number(number, 1, EXPIRES_SEC_MAX / by, ret_sec))
		return false;
	*ret_sec *= by;
	return true;
}

static int tokens_make(struct cli *cli, const char *email, json_t *body)
{
	auto_free char *path = tokens_path(email);
	auto_json *token = NULL;
	struct error e;

	if (api_send(cli, "POST", path, body, &token, &e) < 0)
		return cli_fail(&e);
	if (cli->json)
		api_print(token);
	else
		puts(app_call_text(json_object_get(token, "access_token"),
				   "token"));
	return 0;
}

int tokens_create(int argc, char **argv, void *userdata)
{
	static const struct option longs[] = {
		{ "scope", required_argument, NULL, 's' },
		{ "expires", required_argument, NULL, 'e' },
		{ "description", required_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	auto_json *body = json_pack("{s:[s]}", "scope", "write");
	long sec;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "s:e:d:", longs)) != -1) {
		if (c == 's')
			json_object_set_new(body, "scope",
					    json_pack("[s]", optarg));
		else if (c == 'd')
			json_object_set_new(body, "description",
					    json_string(optarg));
		else if (c != 'e')
			return cli->status;
		else if (!tokens_period(optarg, &sec))
			return cli_usage("--expires: not a time like 12h or 30d: %s",
					 optarg);
		else
			json_object_set_new(body, "expires_in",
					    json_integer(sec));
	}
	return tokens_make(cli, optind < argc ? argv[optind] : NULL,
			   json_incref(body));
}

int tokens_revoke(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL, *id = NULL;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	id = http_path_escape(argv[optind]);
	path = xasprintf("/oauth/authorizations/%s", id);
	return app_call_do(cli, "DELETE", path, NULL, "Revoked token %s",
			   argv[optind]);
}
