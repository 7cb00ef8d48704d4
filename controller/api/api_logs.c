/*
 * api_logs.c - log sessions: the last lines of an app, and those to come.
 *
 * A session (log_session.h) has to be opened within six minutes; a client of a tail
 * that has lost its connection says by Last-Event-ID where it was, and may come back
 * for a day. So that it knows where it is also when nothing matches its filter, event
 * streams have events of another name with nothing but an id.
 *
 * A reader pulls lines out of the store by number as fast as its client takes
 * them, so nobody buffers; a tail that falls too far behind is told how many
 * it has missed.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "controller/api/api_handlers.h"
#include "controller/api/log_session.h"
#include "controller/engine.h"
#include "controller/logplex/logs.h"
#include "controller/model/outcome.h"

#include <stdio.h>

#define TAIL_WINDOW 1024		/* lines behind, before some are dropped */
#define KEEPALIVE_USEC (25 * USEC_PER_SEC)
#define RETRY_USEC (10 * USEC_PER_MSEC)
#define RETRY_MAX_USEC (640 * USEC_PER_MSEC)	/* of who takes nothing */
#define PENDING_MAX (128 * 1024)
#define BATCH_LINES 16			/* of at most 10 kB each */
#define TURN_BYTES (64 * 1024)		/* then others have their turn */
#define TURN_BATCHES 32
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)	/* behind the API */

struct reader {
	struct controller *c;
	struct http_request *req;
	struct logs_watch *watch;
	sd_event_source *keepalive, *retry;
	struct log_session session;
	struct log_session_reader access;
	bool sse;
	uint64_t cursor;		/* number of the last line looked at */
	uint64_t told;			/* the last id that the client has got */
	uint64_t end;			/* no tail: stop behind this one */
	uint64_t last_usec;		/* time of that line */
	bool began;			/* cursor is a line that the client knows */
	bool live;			/* it has got what was there when it came */
	size_t pending;			/* bytes that it had to take when we looked last */
	uint64_t looked;		/* the cursor then */
	uint64_t pause;			/* usec until we look again */
	struct buf text;
};

/* ---- sessions ---- */

static int session_call(struct api_call *call, struct error *e)
{
	auto_free char *target = NULL, *url = NULL;
	char id[UUID_TEXT_MAX], now[CLOCK_TEXT_MAX];
	struct log_session s;
	int r = log_session_parse(&s, call, e);

	if (r != 0)
		return r;
	target = log_session_sign(&s, call->c);
	url = xasprintf("%s%s", call->base, target);
	clock_api_text(now, clock_real_usec());
	call->reply = json_pack("{s:s, s:s, s:s, s:s}", "id", id_uuid(id),
				"created_at", now, "updated_at", now,
				"logplex_url", url);
	call->status = 201;
	return 0;
}

API_HANDLER(api_logs_session, session_call, API_APP | API_BODY)

/* ---- streams ---- */

static struct reader *reader_free(struct reader *rd)
{
	if (!rd)
		return NULL;
	list_unlink(&rd->access.link);
	logs_watch_free(rd->watch);
	loop_unref(rd->keepalive);
	loop_unref(rd->retry);
	buf_deinit(&rd->text);
	free(rd);
	return NULL;
}

DEFINE_AUTO(struct reader, reader_free)

static void on_reader_gone(struct http_request *req, void *userdata)
{
	reader_free(userdata);
}

static void reader_end(struct reader *rd)
{
	struct http_request *req = rd->req;

	http_request_on_gone(req, NULL, NULL);
	reader_free(rd);
	http_stream_end(req);
}

static bool reader_wants(const struct reader *rd, const struct log_line *line)
{
	const char *rest;

	if (*rd->session.source && !str_eq(rd->session.source, line->source))
		return false;
	if (!*rd->session.dyno)
		return true;
	rest = str_after(line->ps, rd->session.dyno);
	return rest && (*rest == '\0' || *rest == '.');
}

/* A carriage return would end a field of an event stream. */
static void reader_add_message(struct reader *rd, const struct log_line *line)
{
	size_t at = rd->text.len, n = line->message_len;

	while (rd->sse && n && line->message[n - 1] == '\r')
		n--;
	buf_add(&rd->text, line->message, n);
	for (; rd->sse && at < rd->text.len; at++)
		if (rd->text.data[at] == '\r')
			rd->text.data[at] = ' ';
}

static void reader_put(struct reader *rd, const struct log_line *line)
{
	char when[CLOCK_TEXT_MAX];

	if (rd->sse)
		buf_addf(&rd->text, "id: %llu\ndata: ",
			 (unsigned long long)line->number);
	rd->told = line->number;
	buf_addf(&rd->text, *line->ps ? "%s %s[%s]: " : "%s %s%s: ",
		 clock_log_text(when, line->usec), line->source, line->ps);
	reader_add_message(rd, line);
	buf_adds(&rd->text, rd->sse ? "\n\n" : "\n");
}

static void reader_put_gap(struct reader *rd, const struct log_line *line)
{
	char since[CLOCK_TEXT_MAX];
	auto_free char *text = NULL;
	struct log_line l11 = {
		.number = line->number - 1, .usec = line->usec,
		.source = "heroku", .ps = "logplex",
	};

	clock_log_text(since, rd->last_usec ? rd->last_usec : line->usec);
	text = xasprintf("Error L11 (Tail buffer overflow) -> This tail session "
			 "dropped %llu messages since %.19s+00:00.",
			 (unsigned long long)(line->number - rd->cursor - 1),
			 since);
	l11.message = text;
	l11.message_len = strlen(text);
	reader_put(rd, &l11);
}

static int on_reader_line(const struct log_line *line, void *userdata)
{
	struct reader *rd = userdata;

	if (!rd->session.tail && line->number > rd->end)
		return 0;
	if (rd->session.tail && rd->began && line->number > rd->cursor + 1)
		reader_put_gap(rd, line);
	if (reader_wants(rd, line))
		reader_put(rd, line);
	rd->cursor = line->number;
	rd->last_usec = line->usec;
	rd->began = true;
	return 0;
}

static int reader_pump(struct reader *rd);

static int on_reader_retry(sd_event_source *src, uint64_t usec, void *userdata)
{
	reader_pump(userdata);
	return 0;
}

/* Lines that a slow client will not get: the next one makes a gap. */
static uint64_t reader_skip(const struct reader *rd, uint64_t newest)
{
	return rd->live && rd->began && newest > TAIL_WINDOW &&
	       rd->cursor < newest - TAIL_WINDOW ? newest - TAIL_WINDOW : rd->cursor;
}

static int reader_read(struct reader *rd, uint64_t *ret_newest, struct error *e)
{
	struct log_store *s = logs_store(rd->c->engine->logs);
	int r = log_store_newest(s, rd->session.app, ret_newest, e);

	for (int i = 0; r == 0 && rd->cursor < *ret_newest &&
	     (rd->session.tail || rd->cursor < rd->end) &&
	     http_stream_pending(rd->req) + rd->text.len < PENDING_MAX &&
	     rd->text.len < TURN_BYTES && i < TURN_BATCHES; i++)
		r = log_store_read(s, rd->session.app, reader_skip(rd, *ret_newest),
				   BATCH_LINES, on_reader_line, rd, e);
	http_stream_write(rd->req, rd->text.data, rd->text.len);
	rd->live |= rd->cursor >= rd->end;
	buf_deinit(&rd->text);		/* most tails are idle */
	return r;
}

/* At once while there is room; who takes nothing is asked ever more seldom. */
static int reader_later(struct reader *rd, struct error *e)
{
	size_t pending = http_stream_pending(rd->req);
	int r;

	if (pending < PENDING_MAX && rd->cursor != rd->looked)
		rd->pause = 0;
	else if (pending < rd->pending || !rd->pause)
		rd->pause = RETRY_USEC;
	else if (rd->pause < RETRY_MAX_USEC)
		rd->pause *= 2;
	rd->pending = pending;
	rd->looked = rd->cursor;
	r = loop_timer(rd->c->event, &rd->retry, rd->pause, on_reader_retry, rd,
		       "log stream", e);
	if (r >= 0)
		sd_event_source_set_priority(rd->retry, PRIORITY);
	return r;
}

/* Send what fits; the reader is gone if it returns 1. */
static int reader_pump(struct reader *rd)
{
	uint64_t newest = 0;
	struct error e = { 0, "" };
	int r = reader_read(rd, &newest, &e);

	if (r < 0)
		log_err("read the lines of app %s: %s", rd->session.app, e.msg);
	/* No line at all: the app is gone. */
	if (r < 0 || newest < rd->cursor || newest == 0 ||
	    (!rd->session.tail && rd->cursor >= rd->end)) {
		reader_end(rd);
		return 1;
	}
	if (rd->cursor < newest && reader_later(rd, &e) < 0)
		log_err("%s", e.msg);
	return 0;
}

static void on_reader_revoked(void *userdata)
{
	reader_end(userdata);
}

static void on_reader_lines(void *userdata)
{
	reader_pump(userdata);
}

/* A comment, or an event nobody listens to; clients of plain lines skip empty ones. */
static void reader_put_sign(struct reader *rd)
{
	if (!rd->sse)
		buf_adds(&rd->text, "\n");
	else if (rd->told == rd->cursor)
		buf_adds(&rd->text, ":\n\n");
	else
		buf_addf(&rd->text, "event: position\nid: %llu\ndata: -\n\n",
			 (unsigned long long)rd->cursor);
	rd->told = rd->cursor;
	http_stream_write(rd->req, rd->text.data, rd->text.len);
	buf_deinit(&rd->text);
}

static int on_reader_keepalive(sd_event_source *src, uint64_t usec,
			       void *userdata)
{
	struct reader *rd = userdata;
	struct error e;

	/* Tokens end by the clock, too. */
	if (!log_session_holds(&rd->session, rd->c->engine)) {
		reader_end(rd);
		return 0;
	}
	/* One that does not read has enough to read. */
	if (http_stream_pending(rd->req) == 0)
		reader_put_sign(rd);
	if (loop_timer(rd->c->event, &rd->keepalive, KEEPALIVE_USEC,
		       on_reader_keepalive, rd, "log keepalive", &e) < 0)
		log_err("%s", e.msg);
	return 0;
}

/* Where to begin: behind the event the client has seen last, or so many lines
 * before the newest. */
static int reader_begin(struct reader *rd, struct error *e)
{
	const char *last = http_request_header(rd->req, "Last-Event-ID");
	uint64_t newest, lines = (uint64_t)rd->session.lines;
	int r = log_store_newest(logs_store(rd->c->engine->logs), rd->session.app,
				 &newest, e);

	if (r < 0)
		return r;
	if (newest == 0)
		return outcome_set(e, OUTCOME_NOT_FOUND, "Not found");
	rd->end = newest;
	rd->cursor = newest > lines ? newest - lines : 0;
	if (last && strtoull(last, NULL, 10) <= newest) {
		rd->cursor = rd->told = strtoull(last, NULL, 10);
		rd->began = rd->session.tail && rd->cursor > 0;
	}
	return 0;
}

static int stream_open(struct http_request *req, struct controller *c,
		       struct reader **ret, struct error *e)
{
	auto_(reader_free_p) struct reader *rd = xcalloc(1, sizeof(*rd));
	const char *accept = http_request_header(req, "Accept");
	int r = log_session_open(&rd->session, req, c, e);

	list_init(&rd->access.link);
	rd->c = c;
	rd->req = req;
	rd->sse = accept && strstr(accept, "text/event-stream");
	if (r == 0)
		r = reader_begin(rd, e);
	if (r == 0)
		r = loop_timer(c->event, &rd->keepalive, KEEPALIVE_USEC,
			       on_reader_keepalive, rd, "log keepalive", e);
	if (r == 0)
		*ret = take_ptr(rd);
	return r;
}

/* As Logplex: the session is over, or never was. */
static void stream_refuse(struct http_request *req, int r, const struct error *e)
{
	if (r == OUTCOME_NOT_FOUND)
		http_reply_text(req, 404, "text/plain", e->msg, strlen(e->msg));
	else
		api_refuse(req, r, e);
}

void api_logs_stream(struct http_request *req, void *userdata)
{
	struct controller *c = userdata;
	struct reader *rd;
	struct error e;
	int r = stream_open(req, c, &rd, &e);

	if (r != 0) {
		stream_refuse(req, r, &e);
		return;
	}
	http_request_on_gone(req, on_reader_gone, rd);
	rd->access.session = &rd->session;
	rd->access.fn = on_reader_revoked;
	rd->access.userdata = rd;
	log_sessions_add(c->log_sessions, &rd->access);
	http_reply_header(req, "Cache-Control", "no-cache");
	http_stream_begin(req, 200, rd->sse ? "text/event-stream"
					    : "text/plain; charset=utf-8");
	/* The client's reconnect timer shall not keep it when all is said. */
	if (rd->sse && !rd->session.tail)
		http_stream_write(req, "retry: 1\n\n", 10);
	if (reader_pump(rd) != 0 || !rd->session.tail)
		return;
	if (rd->sse && rd->told != rd->cursor)
		reader_put_sign(rd);
	rd->watch = logs_watch_new(c->engine->logs, rd->session.app, on_reader_lines, rd);
}
