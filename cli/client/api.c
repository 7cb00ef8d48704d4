/*
 * api.c - the Platform API as functions: find it, call it, word its errors.
 */
#include "cli/client/api.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/root.h"
#include "cli/cli.h"
#include "http/client.h"
#include "http/json.h"

#include <stdio.h>

#define API_SOCKET "/run/dyno/api.sock"

static const char *api_env(const char *ours, const char *herokus)
{
	const char *v = getenv(ours);

	return v && *v ? v : (v = getenv(herokus)) && *v ? v : NULL;
}

static int api_address_url(struct api_address *ret, const char *url,
			   struct error *e)
{
	size_t n = strlen(url);

	if (!str_after(url, "http://") && !str_after(url, "https://"))
		return error_set(e, EINVAL, "the API's address \"%s\" is not an "
				 "http:// or https:// address", url);
	while (n > 0 && url[n - 1] == '/')
		n--;
	ret->base = xstrndup(url, n);
	ret->token = xstrdup(api_env("DYNO_API_KEY", "HEROKU_API_KEY"));
	ret->ca_file = xstrdup(api_env("DYNO_API_CA", "NODE_EXTRA_CA_CERTS"));
	return 0;
}

int api_address_find(struct api_address *ret, const struct cli *cli,
		     struct error *e)
{
	const char *path = getenv("DYNO_API_SOCKET");
	const char *url = api_env("DYNO_API_URL", "HEROKU_HOST");
	struct root root = ROOT_INIT;
	int r;

	*ret = API_ADDRESS_INIT;
	if (cli->root) {
		r = root_init(&root, cli->root, e);
		if (r == 0)
			ret->base = xasprintf("unix:%s/api.sock", root.run);
		root_deinit(&root);
		return r;
	}
	if (path && *path) {
		ret->base = xasprintf("unix:%s", path);
		return 0;
	}
	if (url)
		return api_address_url(ret, url, e);
	ret->base = xstrdup("unix:" API_SOCKET);
	return 0;
}

void api_address_deinit(struct api_address *a)
{
	free(a->base);
	free(a->token);
	free(a->ca_file);
	*a = API_ADDRESS_INIT;
}

/* The usual beginner's error deserves better words than "connect". */
static int api_check_socket(const char *base, struct error *e)
{
	const char *path = str_after(base, "unix:");

	if (!path || access(path, F_OK) == 0)
		return 0;
	return error_sys(e, "no controller here (%s; --root DIR or "
			 "DYNO_API_SOCKET say where else)", path);
}

int api_client(struct cli *cli, struct http_client **ret, struct error *e)
{
	struct http_client_spec spec = { .user_agent = "dynoctl/" DYNO_VERSION };
	auto_(api_address_deinit) struct api_address address = API_ADDRESS_INIT;
	int r;

	if (!cli->client) {
		r = api_address_find(&address, cli, e);
		if (r < 0)
			return r;
		r = api_check_socket(address.base, e);
		if (r < 0)
			return r;
		spec.base = address.base;
		spec.token = address.token;
		spec.ca_file = address.ca_file;
		r = http_client_new(&cli->client, NULL, &spec, e);
		if (r < 0)
			return r;
	}
	*ret = cli->client;
	return 0;
}

char *api_path(const char *app, const char *fmt, ...)
{
	auto_free char *name = http_path_escape(app);
	auto_free char *rest = NULL;
	va_list ap;

	va_start(ap, fmt);
	rest = xvasprintf(fmt, ap);
	va_end(ap);
	return xasprintf("/apps/%s%s", name, rest);
}

/* {"id": ..., "message": ...} or, from something in between, any text. */
static int api_refusal(const struct http_call_spec *spec, int status,
		       const struct buf *body, struct error *e)
{
	auto_json *j = NULL;
	const char *message = NULL;

	if (json_parse(buf_str(body), body->len, &j, NULL) == 0)
		message = json_str(j, "message");
	if (!message)
		return error_set(e, EPROTO, "%s %s: HTTP status %d",
				 spec->method, spec->path, status);
	return error_set(e, EREMOTEIO, "%s", message);
}

static int api_call_body(struct cli *cli, const struct http_call_spec *spec,
			 struct buf *body, struct error *e)
{
	struct http_client *client;
	int r, status = 0;

	cli->http_status = -1;
	r = api_client(cli, &client, e);
	if (r < 0)
		return r;
	r = http_call_wait(client, spec, &status, body, e);
	cli->http_status = r < 0 ? 0 : status;
	if (r < 0)
		return r;
	return status < 300 ? 0 : api_refusal(spec, status, body, e);
}

int api_call(struct cli *cli, const struct http_call_spec *spec, struct error *e)
{
	auto_buf body = BUF_INIT;

	return api_call_body(cli, spec, &body, e);
}

static int api_call_json(struct cli *cli, const struct http_call_spec *spec,
			 json_t **ret, struct error *e)
{
	auto_buf body = BUF_INIT;
	int r;

	r = api_call_body(cli, spec, &body, e);
	if (r < 0 || !ret)
		return r;
	if (body.len == 0)
		return error_set(e, EPROTO, "%s %s: the answer is empty",
				 spec->method, spec->path);
	r = json_parse(body.data, body.len, ret, e);
	return error_prefix(e, r, "answer to %s %s", spec->method, spec->path);
}

#define API_ACCEPT "Accept: application/vnd.heroku+json; version=3"

char *api_path_of(const char *app, const char *nouns, const char *name)
{
	auto_free char *escaped = http_path_escape(name);

	return api_path(app, "%s/%s", nouns, escaped);
}

int api_get(struct cli *cli, const char *path, json_t **ret, struct error *e)
{
	const char *headers[] = { API_ACCEPT, NULL };

	return api_call_json(cli, &(struct http_call_spec){
		.method = "GET", .path = path, .headers = headers,
	}, ret, e);
}

int api_list(struct cli *cli, const char *path, const char *range, json_t **ret,
	     struct error *e)
{
	auto_free char *header = xasprintf("Range: %s",
					   range ? range : "id ..; max=1000");
	const char *headers[] = { API_ACCEPT, header, NULL };
	auto_json *list = NULL;
	int r;

	r = api_call_json(cli, &(struct http_call_spec){
		.method = "GET", .path = path, .headers = headers,
	}, &list, e);
	if (r < 0)
		return r;
	if (!json_is_array(list))
		return error_set(e, EPROTO, "GET %s: the answer is not a list",
				 path);
	*ret = take_ptr(list);
	return 0;
}

int api_send(struct cli *cli, const char *method, const char *path, json_t *body,
	     json_t **ret, struct error *e)
{
	const char *headers[] = { API_ACCEPT, NULL };
	auto_free char *text = body ? json_text(body) : NULL;

	json_decref(body);
	return api_call_json(cli, &(struct http_call_spec){
		.method = method, .path = path, .headers = headers,
		.body = text, .body_len = text ? strlen(text) : 0,
	}, ret, e);
}

void api_print(const json_t *object)
{
	auto_free char *text = json_dumps(object, JSON_INDENT(2) |
					  JSON_ENCODE_ANY);

	puts(text ? text : "null");
}
