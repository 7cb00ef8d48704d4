/*
 * webhooks.c - who is told what of an app, and whether it has come there.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/client/app_call.h"
#include "cli/show/table.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <stdio.h>

#define SECRET_BYTES 32

static void webhooks_show(const char *app, const json_t *list)
{
	auto_table t = { .columns = 4 };
	json_t *it, *kind;
	size_t i, k;

	if (json_array_size(list) == 0)
		printf("%s has no webhooks.\n", app);
	json_array_foreach(list, i, it) {
		auto_buf kinds = BUF_INIT;

		json_array_foreach(json_object_get(it, "include"), k, kind)
			buf_addf(&kinds, "%s%s", k ? "," : "", json_string_value(kind));
		table_add(&t, json_str(it, "id"), json_str(it, "level"),
			  json_str(it, "url"), buf_str(&kinds));
	}
	table_print(&t);
}

int webhooks_list(int argc, char **argv, void *userdata)
{
	return app_call_list(userdata, argc, argv, "/webhooks", webhooks_show);
}

static void webhooks_show_deliveries(const char *app, const json_t *list)
{
	auto_table t = { .columns = 6 };
	json_t *it;
	size_t i;

	if (json_array_size(list) == 0)
		printf("%s has no deliveries.\n", app);
	else
		table_add(&t, "ID", "MADE", "STATUS", "KIND", "ATTEMPTS", "ANSWER");
	json_array_foreach(list, i, it) {
		const json_t *last = json_object_get(it, "last_attempt");
		auto_free char *n = xasprintf("%d", (int)json_int(it, "num_attempts", 0));
		auto_free char *code = xasprintf("%d", (int)json_int(last, "code", 0));

		table_add(&t, json_str(it, "id"), json_str(it, "created_at"),
			  json_str(it, "status"),
			  json_str(json_object_get(it, "event"), "include"), n,
			  str_eq(code, "0") ? NULL : code);
	}
	table_print(&t);
}

int webhooks_deliveries(int argc, char **argv, void *userdata)
{
	return app_call_list(userdata, argc, argv, "/webhook-deliveries",
			     webhooks_show_deliveries);
}

/* "api:dyno,api:release" */
static json_t *webhooks_kinds(const char *text)
{
	json_t *out = json_array();

	while (*text) {
		size_t n = strcspn(text, ",");

		if (n)
			json_array_append_new(out, json_stringn(text, n));
		text += n + (text[n] == ',');
	}
	return out;
}

struct webhooks_new {
	const char *include, *level, *secret, *authorization;
};

static int webhooks_post(struct cli *cli, const char *app, const char *url,
			 const struct webhooks_new *n)
{
	auto_free char *path = api_path(app, "/webhooks");
	json_t *body = json_pack("{s:s, s:o, s:s, s:s, s:s*}", "url", url, "include",
				 webhooks_kinds(n->include), "level", n->level,
				 "secret", n->secret, "authorization",
				 n->authorization);

	return app_call_do(cli, "POST", path, body, "Bodies are signed with %s",
			   n->secret);
}

int webhooks_add(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "include", required_argument, NULL, 'i' },
		{ "level", required_argument, NULL, 'l' },
		{ "secret", required_argument, NULL, 's' },
		{ "authorization", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	auto_free char *secret = id_secret(SECRET_BYTES);
	struct webhooks_new n = { "api:release,api:dyno", "notify", secret, NULL };
	struct cli *cli = userdata;
	const char *app;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "i:l:s:t:", options)) != -1) {
		if (c == 'i')
			n.include = optarg;
		else if (c == 'l')
			n.level = optarg;
		else if (c == 's')
			n.secret = optarg;
		else if (c == 't')
			n.authorization = optarg;
		else
			return cli->status;
	}
	app = cli_app(cli);
	return app ? webhooks_post(cli, app, argv[optind], &n) : EXIT_USAGE;
}

int webhooks_remove(int argc, char **argv, void *userdata)
{
	return app_call_remove(userdata, argc, argv, "/webhooks",
			       "Removed %s from %s");
}
