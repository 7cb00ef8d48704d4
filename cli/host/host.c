/*
 * host.c - what the supervisor of this machine says about itself and its dynos.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/root.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/host/host.h"
#include "cli/show/when.h"
#include "cli/verbs.h"
#include "http/client.h"
#include "http/json.h"

#include <stdio.h>

static int host_open(struct cli *cli, struct cli *ret, struct error *e)
{
	const char *dir = cli->root ? cli->root : getenv("DYNO_ROOT");
	auto_(root_deinit) struct root root = ROOT_INIT;
	struct http_client_spec spec = { .user_agent = "dynoctl/" DYNO_VERSION };
	auto_free char *base = NULL;
	int r;

	r = root_init(&root, dir && *dir ? dir : NULL, e);
	if (r < 0)
		return r;
	base = xasprintf("unix:%s/host.sock", root.run);
	spec.base = base;
	return http_client_new(&ret->client, NULL, &spec, e);
}

int host_call(struct cli *cli, const char *method, const char *path, json_t *body,
	      json_t **ret, struct error *e)
{
	struct cli host = { .root = NULL };
	int r = host_open(cli, &host, e);

	if (r < 0)
		json_decref(body);
	else
		r = api_send(&host, method, path, body, ret, e);
	cli_deinit(&host);
	return error_prefix(e, r, "ask the supervisor of this host");
}

int host_text(struct cli *cli, const char *path, struct buf *ret, struct error *e)
{
	struct cli host = { .root = NULL };
	struct http_call_spec spec = { .method = "GET", .path = path };
	int r = host_open(cli, &host, e), status = 0;

	if (r == 0)
		r = http_call_wait(host.client, &spec, &status, ret, e);
	if (r == 0 && status != 200)
		r = error_set(e, EPROTO, "GET %s: HTTP status %d", path, status);
	cli_deinit(&host);
	return error_prefix(e, r, "ask the supervisor of this host");
}

static void host_ps_line(const json_t *d, uint64_t now_usec)
{
	const char *app = json_str(json_object_get(d, "app"), "name");
	char when[WHEN_TEXT_MAX];

	printf("%-36s %-20s %-12s %-9s %7d %-15s %5d  %s\n",
	       json_str(d, "id") ? json_str(d, "id") : "-",
	       app ? app : json_str(d, "app") ? json_str(d, "app") : "-",
	       json_str(d, "name") ? json_str(d, "name") : "-",
	       json_str(d, "state") ? json_str(d, "state") : "-",
	       (int)json_int(d, "pid", 0),
	       json_str(d, "address") ? json_str(d, "address") : "-",
	       (int)json_int(d, "port", 0),
	       when_ago(when, json_str(d, "since"), now_usec));
}

int host_ps(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_json *answer = NULL;
	uint64_t now_usec;
	json_t *list, *d;
	struct error e;
	size_t i;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	if (host_call(cli, "GET", "/dynos", NULL, &answer, &e) < 0)
		return cli_fail(&e);
	list = json_is_array(answer) ? answer : json_object_get(answer, "dynos");
	if (cli->json) {
		api_print(list);
		return 0;
	}
	printf("%-36s %-20s %-12s %-9s %7s %-15s %5s  %s\n", "ID", "APP", "NAME",
	       "STATE", "PID", "ADDRESS", "PORT", "SINCE");
	now_usec = clock_real_usec();
	json_array_foreach(list, i, d)
		host_ps_line(d, now_usec);
	return 0;
}

int host_info(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_json *info = NULL;
	const char *key;
	struct error e;
	json_t *value;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	if (host_call(cli, "GET", "/", NULL, &info, &e) < 0)
		return cli_fail(&e);
	if (cli->json) {
		api_print(info);
		return 0;
	}
	json_object_foreach(info, key, value) {
		auto_free char *text = json_is_string(value)
			? xstrdup(json_string_value(value)) : json_text(value);

		printf("%-16s %s\n", key, text);
	}
	return 0;
}

/* --json: names with their labels as keys, in the order of the text. */
static json_t *host_metrics_json(struct buf *text)
{
	json_t *j = json_object();
	char *rest = text->data, *line;

	while (rest && (line = strsep(&rest, "\n"))) {
		char *value = strrchr(line, ' ');

		if (*line == '#' || !value)
			continue;
		*value++ = '\0';
		json_object_set_new(j, line, json_real(strtod(value, NULL)));
	}
	return j;
}

int host_metrics(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_buf text = BUF_INIT;
	auto_json *j = NULL;
	struct error e;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	if (host_text(cli, "/metrics", &text, &e) < 0)
		return cli_fail(&e);
	if (!cli->json) {
		fputs(buf_str(&text), stdout);
		return 0;
	}
	j = host_metrics_json(&text);
	api_print(j);
	return 0;
}
