/*
 * access_ca.c - the instance's CA, and certificates for its worker hosts.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/verbs.h"
#include "http/client.h"
#include "http/json.h"

#include <fcntl.h>
#include <stdio.h>

struct access_ca {
	struct cli *cli;
	const char *host, *output;
	long days;			/* 0: not said */
};

static int access_ca_print(struct access_ca *a)
{
	struct http_call_spec spec = { .method = "GET", .path = "/access/ca" };
	struct http_client *client;
	auto_buf pem = BUF_INIT;
	struct error e;
	int status = 0, r = api_client(a->cli, &client, &e);

	if (r == 0)
		r = http_call_wait(client, &spec, &status, &pem, &e);
	if (r == 0 && status != 200)
		r = error_set(&e, EPROTO, "GET %s: HTTP status %d", spec.path, status);
	if (r < 0)
		return cli_fail(&e);
	if (a->cli->json) {
		auto_json *out = json_pack("{s:s}", "ca", buf_str(&pem));

		api_print(out);
	} else {
		fputs(buf_str(&pem), stdout);
	}
	return 0;
}

static int access_ca_sign(struct access_ca *a)
{
	auto_free char *name = http_path_escape(a->host);
	auto_free char *path = xasprintf("/upstream/v1/hosts/%s/certificate", name);
	auto_json *reply = NULL;
	json_t *body = json_object();
	const char *pem;
	struct error e;
	int r;

	if (a->days)
		json_object_set_new(body, "days", json_integer(a->days));
	r = api_send(a->cli, "POST", path, body, &reply, &e);
	if (r < 0)
		return cli_fail(&e);
	pem = json_str(reply, "certificate");
	if (!pem) {
		error_set(&e, EPROTO, "the answer holds no certificate");
		return cli_fail(&e);
	}
	if (a->cli->json) {
		api_print(reply);
	} else if (a->output) {
		if (file_write_atomic(AT_FDCWD, a->output, pem, strlen(pem), 0600,
				      &e) < 0)
			return cli_fail(&e);
	} else {
		fputs(pem, stdout);
	}
	return 0;
}

int access_ca(int argc, char **argv, void *userdata)
{
	static const struct option longs[] = {
		{ "sign-host", required_argument, NULL, 'H' },
		{ "days", required_argument, NULL, 'D' },
		{ "output", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	struct access_ca a = { .cli = userdata };
	int c;

	while ((c = cli_getopt(a.cli, argc, argv, "o:", longs)) >= 0) {
		if (c == 'H')
			a.host = optarg;
		else if (c == 'o')
			a.output = optarg;
		else if (c != 'D')
			return a.cli->status;
		else if (!cli_number(optarg, 1, 3650, &a.days))
			return cli_usage("--days: \"%s\" is not a number from 1 to "
					 "3650", optarg);
	}
	if (!a.host && (a.days || a.output))
		return cli_usage("--days and --output are for --sign-host");
	return a.host ? access_ca_sign(&a) : access_ca_print(&a);
}
