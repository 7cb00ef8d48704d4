/*
 * logs.c - the log of an app: a session is asked for, then its stream is read.
 */
#include "cli/app/logs.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/verbs.h"
#include "http/client.h"
#include "http/json.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define LOGS_MAX 1500
#define RECONNECTS_MAX 60		/* without a byte in between */
#define RECONNECT_USEC (200 * 1000)
#define RECONNECT_SLOW_USEC (1000 * 1000)

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

/* One event, with the newline of its last line. */
static void logs_event(struct logs_events *ev, const char *p, size_t n,
		       struct buf *out)
{
	const char *end = p + n;
	auto_buf data = BUF_INIT;
	bool named = false;

	for (const char *next; p < end; p = next) {
		const char *value;

		next = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
		if (str_after(p, "event: "))
			named = true;
		else if ((value = str_after(p, "id: ")))
			ev->id = strtoull(value, NULL, 10);
		else if ((value = str_after(p, "data: ")))
			buf_add(&data, value, (size_t)(next - value));
	}
	if (!named && data.len > 0)
		buf_add(out, data.data, data.len);
}

void logs_feed_events(struct logs_events *ev, const char *data, size_t n,
		      struct buf *out)
{
	size_t at = 0;

	buf_add(ev->rest, data, n);
	for (;;) {
		const char *event = buf_str(ev->rest) + at;
		const char *end = memmem(event, ev->rest->len - at, "\n\n", 2);

		if (!end)
			break;
		logs_event(ev, event, (size_t)(end - event) + 1, out);
		at += (size_t)(end - event) + 2;
	}
	buf_consume(ev->rest, at);
}

/* ---- colours ---- */

void logs_paint(const char *line, size_t n, struct buf *out)
{
	static const char *const colours[] = {
		"36", "33", "32", "35", "34", "96", "93", "92", "95", "94",
	};
	const char *blank = memchr(line, ' ', n), *colon;
	unsigned hash = 0;

	colon = blank ? memmem(blank, n - (size_t)(blank - line), ": ", 2) : NULL;
	if (!colon) {
		buf_add(out, line, n);
		return;
	}
	for (const char *p = blank; p < colon; p++)
		hash = hash * 31 + (unsigned char)*p;
	buf_adds(out, "\033[2m");
	buf_add(out, line, (size_t)(blank - line));
	buf_addf(out, "\033[0;%sm", colours[hash % ARRAY_SIZE(colours)]);
	buf_add(out, blank, (size_t)(colon + 1 - blank));
	buf_adds(out, "\033[0m");
	buf_add(out, colon + 1, (size_t)(line + n - colon - 1));
}

/* "TIME SOURCE[DYNO]: TEXT"; the time has no blank, SOURCE and DYNO no colon. */
void logs_object(const char *line, size_t n, struct buf *out)
{
	const char *blank = memchr(line, ' ', n), *bracket, *colon;
	size_t end = n && line[n - 1] == '\n' ? n - 1 : n;
	auto_json *object = NULL;
	auto_free char *text = NULL;

	colon = blank ? memmem(blank, n - (size_t)(blank - line), "]: ", 3) : NULL;
	bracket = colon ? memchr(blank, '[', (size_t)(colon - blank)) : NULL;
	if (bracket)
		object = json_pack("{s:s%, s:s%, s:s%, s:o}", "at", line,
				   (size_t)(blank - line), "source", blank + 1,
				   (size_t)(bracket - blank - 1), "dyno", bracket + 1,
				   (size_t)(colon - bracket - 1), "text",
				   json_bytes(colon + 3, (size_t)(line + end - colon - 3)));
	else
		object = json_pack("{s:o}", "text", json_bytes(line, end));
	text = json_text(object);
	buf_addf(out, "%s\n", text);
}

static bool logs_has_colours(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no && *no) && term && !str_eq(term, "dumb");
}

/* ---- streams ---- */

struct logs_stream {
	int fd;
	bool tail, json, colours;
	bool came;		/* something, over this connection */
	struct buf rest;
	struct logs_events events;
	int r;			/* what writing said */
	struct error error;
};

static void logs_write(struct logs_stream *s, const struct buf *lines)
{
	void (*form)(const char *line, size_t n, struct buf *out) =
		s->json ? logs_object : s->colours ? logs_paint : NULL;
	auto_buf formed = BUF_INIT;
	const struct buf *out = lines;

	for (size_t at = 0; form && at < lines->len; ) {
		const char *line = lines->data + at;
		const char *end = memchr(line, '\n', lines->len - at);
		size_t n = end ? (size_t)(end - line) + 1 : lines->len - at;

		form(line, n, &formed);
		at += n;
	}
	if (form)
		out = &formed;
	if (out->len > 0)
		s->r = file_write_all(s->fd, out->data, out->len, &s->error);
}

static int logs_on_data(const void *data, size_t n, void *userdata)
{
	struct logs_stream *s = userdata;
	auto_buf out = BUF_INIT;

	s->came = true;
	if (s->tail)
		logs_feed_events(&s->events, data, n, &out);
	else
		logs_feed(&s->rest, data, n, &out);
	logs_write(s, &out);
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

/* *ret_status 0: there was no answer, or it broke off. */
static int logs_read(struct cli *cli, const char *url, struct logs_stream *s,
		     int *ret_status, struct error *e)
{
	auto_free char *last = xasprintf("Last-Event-ID: %llu", s->events.id);
	const char *headers[] = {
		s->tail ? "Accept: text/event-stream" : "Accept: text/plain",
		s->tail && s->events.id ? last : NULL, NULL,
	};
	struct http_call_spec spec = {
		.method = "GET", .path = url, .headers = headers,
		.timeout_usec = UINT64_MAX, .on_data = logs_on_data,
		.userdata = s,
	};
	struct http_client *client;
	auto_buf answer = BUF_INIT;
	int r = api_client(cli, &client, e);

	*ret_status = 0;
	s->came = false;
	if (r == 0)
		r = http_call_wait(client, &spec, ret_status, &answer, e);
	if (s->r < 0) {
		if (e)
			*e = s->error;
		return s->r;
	}
	if (r == 0 && *ret_status >= 300)
		r = error_set(e, EPROTO, "the log session: %.*s (%d)", 200,
			      buf_str(&answer), *ret_status);
	return r;
}

/* Until the session is dead, or nobody is there for too long. */
static int logs_follow(struct cli *cli, const char *url, struct logs_stream *s,
		       struct error *e)
{
	unsigned failures = 0;
	int status, r;

	for (;;) {
		r = logs_read(cli, url, s, &status, e);
		if (s->r < 0 || (status >= 300 && status < 500))
			return r;
		failures = s->came ? 0 : failures + 1;
		if (failures > RECONNECTS_MAX)
			return r < 0 ? r : error_set(e, ECONNRESET,
				"the controller ends the log stream at once");
		buf_clear(&s->rest);
		usleep(failures > 2 ? RECONNECT_SLOW_USEC : RECONNECT_USEC);
	}
}

int logs_print(struct cli *cli, const char *app, const struct logs_query *query,
	       int fd, struct error *e)
{
	struct logs_stream stream = {
		.fd = fd, .tail = query->tail, .json = query->json,
		.colours = logs_has_colours(fd),
	};
	auto_json *session = NULL;
	int r, status;

	stream.events.rest = &stream.rest;
	r = logs_session(cli, app, query, &session, e);
	if (r < 0)
		return r;
	if (!json_str(session, "logplex_url"))
		return error_set(e, EPROTO, "the log session has no logplex_url");
	if (query->tail)
		r = logs_follow(cli, json_str(session, "logplex_url"), &stream, e);
	else
		r = logs_read(cli, json_str(session, "logplex_url"), &stream,
			      &status, e);
	/* The last line may have no end. */
	if (r == 0 && stream.rest.len > 0) {
		logs_write(&stream, &stream.rest);
		r = stream.r;
		if (r < 0 && e)
			*e = stream.error;
	}
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
	query.json = cli->json;
	signal(SIGPIPE, SIG_DFL);
	r = logs_print(cli, app, &query, STDOUT_FILENO, &e);
	return r < 0 ? cli_fail(&e) : 0;
}
