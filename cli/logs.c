/*
 * logs.c - the log of an app: a session is asked for, then its stream is read.
 */
#include "cli/logs.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "http/client.h"
#include "http/json.h"

#include <signal.h>
#include <stdio.h>

#define LOGS_MAX 1500

void logs_feed(struct buf *rest, const char *data, size_t n, struct buf *out)
{
	size_t at = 0;

	buf_add(rest, data, n);
	for (;;) {
		const char *line = buf_str(rest) + at;
		const char *end = memchr(line, '\n', rest->len - at);

		if (!end)
			break;
		if (end > line)
			buf_add(out, line, (size_t)(end - line) + 1);
		at += (size_t)(end - line) + 1;
	}
	buf_consume(rest, at);
}

struct logs_stream {
	int fd;
	struct buf rest;
	int r;			/* what writing said */
	struct error error;
};

static int logs_on_data(const void *data, size_t n, void *userdata)
{
	struct logs_stream *s = userdata;
	auto_buf out = BUF_INIT;

	logs_feed(&s->rest, data, n, &out);
	if (out.len > 0)
		s->r = file_write_all(s->fd, out.data, out.len,
				      &s->error);
	return s->r;
}

static int logs_session(struct cli *cli, const char *app,
			const struct logs_query *query, json_t **ret,
			struct error *e)
{
	auto_free char *path = api_path(app, "/log-sessions");
	json_t *body = json_pack("{s:I, s:b}", "lines", (json_int_t)query->lines,
				 "tail", query->tail);

	if (query->dyno)
		json_object_set_new(body, "dyno", json_string(query->dyno));
	if (query->source)
		json_object_set_new(body, "source", json_string(query->source));
	return api_send(cli, "POST", path, body, ret, e);
}

int logs_print(struct cli *cli, const char *app, const struct logs_query *query,
	       int fd, struct error *e)
{
	const char *headers[] = { "Accept: text/plain", NULL };
	struct logs_stream stream = { .fd = fd };
	auto_json *session = NULL;
	int r;

	r = logs_session(cli, app, query, &session, e);
	if (r < 0)
		return r;
	if (!json_str(session, "logplex_url"))
		return error_set(e, EPROTO, "the log session has no logplex_url");
	r = api_call(cli, &(struct http_call_spec){
		.method = "GET", .path = json_str(session, "logplex_url"),
		.headers = headers, .timeout_usec = UINT64_MAX,
		.on_data = logs_on_data, .userdata = &stream,
	}, e);
	if (stream.r < 0) {
		r = stream.r;
		if (e)
			*e = stream.error;
	}
	/* The last line may have no end. */
	if (r == 0 && stream.rest.len > 0)
		r = file_write_all(fd, stream.rest.data, stream.rest.len, e);
	buf_deinit(&stream.rest);
	return r;
}

int logs_show(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "num", required_argument, NULL, 'n' },
		{ "tail", no_argument, NULL, 't' },
		{ "dyno", required_argument, NULL, 'd' },
		{ "source", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	struct logs_query query = { .lines = 100 };
	struct cli *cli = userdata;
	const char *app;
	struct error e;
	int c, r;

	while ((c = cli_getopt(cli, argc, argv, "n:td:s:", options)) != -1) {
		switch (c) {
		case 'n':
			if (!cli_number(optarg, 0, LOGS_MAX, &query.lines))
				return cli_usage("--num %s is not a number from "
						 "0 to %d", optarg, LOGS_MAX);
			break;
		case 't':
			query.tail = true;
			break;
		case 'd':
			query.dyno = optarg;
			break;
		case 's':
			query.source = optarg;
			break;
		default:
			return cli->status;
		}
	}
	app = cli_app(cli);
	if (!app)
		return EXIT_USAGE;
	signal(SIGPIPE, SIG_DFL);
	r = logs_print(cli, app, &query, STDOUT_FILENO, &e);
	if (r == 0 && query.tail)
		r = error_set(&e, ECONNRESET, "the controller ended the log "
			      "stream");
	return r < 0 ? cli_fail(&e) : 0;
}
