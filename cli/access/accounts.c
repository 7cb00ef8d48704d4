/*
 * accounts.c - the people of the instance, for its admins.
 */
#include "base/error.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/client/app_call.h"
#include "cli/show/table.h"
#include "cli/show/when.h"
#include "cli/verbs.h"
#include "http/client.h"
#include "http/json.h"

#include <stdio.h>

#define PASSWORD_MAX 256

int accounts_list(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_table t = { .columns = 3 };
	char when[WHEN_TEXT_MAX];
	auto_json *list = NULL;
	json_t *account;
	struct error e;
	size_t i;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	if (api_list(cli, "/accounts", "email ..; max=1000", &list, &e) < 0)
		return cli_fail(&e);
	if (cli->json) {
		api_print(list);
		return 0;
	}
	json_array_foreach(list, i, account)
		table_add(&t, json_str(account, "email"),
			  when_text(when, json_str(account, "created_at")),
			  json_str(account, "suspended_at") ? "suspended" : "");
	table_print(&t);
	return 0;
}

static char *accounts_path(const char *email)
{
	auto_free char *name = http_path_escape(email);

	return xasprintf("/accounts/%s", name);
}

int accounts_add(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	return app_call_do(cli, "POST", "/accounts",
			   json_pack("{s:s}", "email", argv[optind]),
			   "Made account %s", argv[optind]);
}

int accounts_remove(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "confirm", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	auto_free char *path = NULL, *what = NULL;
	const char *confirm = NULL;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "c:", options)) != -1) {
		if (c != 'c')
			return cli->status;
		confirm = optarg;
	}
	what = xasprintf("removes the account %s and its tokens", argv[optind]);
	if (!cli_confirm(cli, confirm, argv[optind], what))
		return cli->status;
	path = accounts_path(argv[optind]);
	return app_call_do(cli, "DELETE", path, NULL, "Removed account %s",
			   argv[optind]);
}

static int accounts_set(struct cli *cli, int argc, char **argv, json_t *body,
			const char *done)
{
	auto_free char *path = NULL;

	if (!cli_arguments(cli, argc, argv)) {
		json_decref(body);
		return cli->status;
	}
	path = accounts_path(argv[optind]);
	return app_call_do(cli, "PATCH", path, body, "%s account %s", done,
			   argv[optind]);
}

int accounts_suspend(int argc, char **argv, void *userdata)
{
	return accounts_set(userdata, argc, argv,
			    json_pack("{s:b}", "suspended", 1), "Suspended");
}

int accounts_resume(int argc, char **argv, void *userdata)
{
	return accounts_set(userdata, argc, argv,
			    json_pack("{s:b}", "suspended", 0), "Resumed");
}

/* A line of standard input, not shown where it is typed. */
static bool accounts_read(char *out, size_t n)
{
	bool tty = isatty(STDIN_FILENO) && terminal_quiet(NULL) == 0, ok;

	if (tty)
		fputs("New password: ", stderr);
	ok = fgets(out, (int)n, stdin) != NULL;
	if (tty) {
		terminal_restore();
		fputc('\n', stderr);
	}
	out[ok ? strcspn(out, "\n") : 0] = '\0';
	return ok;
}

int accounts_password(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	char password[PASSWORD_MAX];

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	if (!accounts_read(password, sizeof(password)))
		return cli_usage("standard input has no password");
	return accounts_set(cli, argc, argv,
			    json_pack("{s:s}", "password", password),
			    "Set the password of");
}
