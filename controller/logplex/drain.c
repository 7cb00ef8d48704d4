/*
 * drain.c - lines become a frame, a frame becomes an outcome, and so on.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "controller/logplex/drain.h"
#include "controller/logplex/drain_cursors.h"
#include "controller/logplex/drain_sink.h"
#include "controller/logplex/logs.h"

#include <stdio.h>

#define LINGER_USEC (50 * USEC_PER_MSEC)	/* few lines wait for more */
#define LINGER_LINES 64
#define READ_LINES 64
#define HEAD_BYTES 256			/* of a line in its form, at most */
#define CERTIFICATE_USEC (300 * USEC_PER_SEC)	/* between two complaints */
#define FULL (-ENOSPC)			/* ends a walk */

struct drain {
	const struct drain_place *place;
	char *id, *app, *token, *url;
	struct drain_window w;
	struct drain_sink *sink;
	struct logs_watch *watch;
	sd_event_source *linger;
	bool lingers;
	bool moved;			/* the window is not saved */
	struct buf frame;
	size_t count;			/* messages in it */
	unsigned tries;			/* that have failed */
	char why[128];			/* the last failure; "" = it works */
	uint64_t complained;		/* about a certificate; monotonic */
};

static void drain_pump(struct drain *d);

static void drain_moved(struct drain *d)
{
	d->moved = true;
	d->place->on_moved(d->place->userdata);
}

int drain_save(struct drain *d, struct error *e)
{
	int r;

	if (!d->moved)
		return 0;
	r = drain_cursors_save(d->place->cursors, d->id, &d->w, e);
	if (r == 0)
		d->moved = false;
	return r;
}

/* ---- frames ---- */

struct drain_walk {
	struct drain *d;
	uint64_t last;			/* line of the frame; 0 = none yet */
	uint64_t end;			/* stop there */
	uint64_t now;
};

static void drain_add_loss(struct drain *d, const struct drain_loss *loss,
			   uint64_t usec)
{
	if (!loss->n)
		return;
	drain_frame_loss(&d->frame, d->sink->kind->form, d->token, loss, usec);
	d->count++;
}

static void drain_add_line(struct drain_walk *walk, const struct log_line *line)
{
	struct drain *d = walk->d;

	drain_frame_line(&d->frame, d->sink->kind->form, d->token, line);
	d->count++;
	walk->last = line->number;
}

/* A frame has no gaps: its lines are first, first + 1, ... last. */
static int on_drain_line(const struct log_line *line, void *userdata)
{
	struct drain_walk *walk = userdata;
	struct drain *d = walk->d;

	if (walk->last && (line->number != walk->last + 1 || d->frame.len +
			   line->message_len + HEAD_BYTES >
			   d->sink->kind->frame_bytes))
		return FULL;
	if (!walk->last) {
		drain_window_gap(&d->w, line->number, walk->now);
		drain_add_loss(d, &d->w.loss, walk->now);
	}
	drain_add_line(walk, line);
	return 0;
}

/* The frame that was being sent when the controller ended, as it was. */
static int on_drain_again(const struct log_line *line, void *userdata)
{
	struct drain_walk *walk = userdata;

	if (line->number != walk->last + 1 || line->number > walk->end)
		return FULL;
	drain_add_line(walk, line);
	return 0;
}

static int drain_walk_lines(struct drain_walk *walk, uint64_t after, log_store_fn fn,
			    struct error *e)
{
	struct log_store *s = logs_store(walk->d->place->logs);
	uint64_t before;
	int r;

	do {
		before = walk->last;
		r = log_store_read(s, walk->d->app, before ? before : after,
				   READ_LINES, fn, walk, e);
	} while (r == 0 && walk->last != before);
	return r == FULL ? 0 : r;
}

static void drain_send(struct drain *d)
{
	struct drain_message m = { .data = d->frame.data, .len = d->frame.len,
				   .count = d->count };

	drain_frame_id(m.id, d->token, d->w.first, d->w.last, &d->w.told);
	d->sink->kind->send(d->sink, &m);
}

static int drain_make(struct drain *d, struct error *e)
{
	struct drain_walk walk = { .d = d, .now = clock_real_usec() };
	int r;

	buf_clear(&d->frame);
	d->count = 0;
	r = drain_walk_lines(&walk, d->w.next, on_drain_line, e);
	if (r < 0 || !walk.last)
		return r;
	drain_window_begin(&d->w, walk.last, walk.now);
	d->tries = 0;
	d->moved = true;
	return drain_save(d, e);
}

/* The lines of the frame may be gone from the store in the meantime. */
static int drain_make_again(struct drain *d, struct error *e)
{
	struct drain_walk walk = { .d = d, .last = d->w.first - 1,
				   .end = d->w.last };
	int r;

	buf_clear(&d->frame);
	d->count = 0;
	d->tries = 0;
	drain_add_loss(d, &d->w.told, d->w.made);
	r = drain_walk_lines(&walk, walk.last, on_drain_again, e);
	if (r == 0 && walk.last == d->w.last)
		return 0;
	buf_clear(&d->frame);
	drain_window_lost(&d->w, clock_real_usec());
	drain_moved(d);
	return r;
}

static int on_drain_linger(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct drain *d = userdata;

	d->lingers = false;
	drain_pump(d);
	return 0;
}

static void drain_pump(struct drain *d)
{
	struct error e;

	if (d->w.last)
		return;			/* it is busy */
	if (drain_make(d, &e) < 0)
		log_err("drain %s: %s", d->id, e.msg);
	if (d->w.last)
		drain_send(d);
}

/* ---- new lines ---- */

static void drain_go_on(struct drain *d, uint64_t newest)
{
	struct error e;

	if (d->w.last || newest <= d->w.next)
		return;
	if (newest - d->w.next >= LINGER_LINES) {
		drain_pump(d);
		return;
	}
	if (d->lingers)
		return;
	if (loop_timer(d->place->event, &d->linger, LINGER_USEC, on_drain_linger, d,
		       "drain", &e) < 0)
		log_err("drain %s: %s", d->id, e.msg);
	else
		d->lingers = true;
}

static uint64_t drain_newest(const struct drain *d)
{
	uint64_t newest = 0;
	struct error e;

	if (log_store_newest(logs_store(d->place->logs), d->app, &newest, &e) < 0) {
		log_err("drain %s: %s", d->id, e.msg);
		return d->w.next;
	}
	return newest;
}

static void on_drain_lines(void *userdata)
{
	struct drain *d = userdata;
	uint64_t newest = drain_newest(d), limit;

	if (newest < d->w.next)
		return;			/* the app is gone, and we are about to be */
	drain_go_on(d, newest);
	limit = d->sink->kind->buffer(d->sink, d->place->buffer,
				      newest - d->w.next >= d->place->buffer);
	if (drain_window_limit(&d->w, newest, limit, clock_real_usec()))
		drain_moved(d);
}

/* ---- outcomes ---- */

/* The address alone: a URL may hold a password. */
static void drain_complain(struct drain *d)
{
	uint64_t now = clock_mono_usec();
	const char *scheme_end = strstr(d->url, "://");
	const char *host = scheme_end ? scheme_end + 3 : d->url;
	size_t n = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', n);
	auto_free char *text = NULL;
	struct error e;

	if (d->complained && now - d->complained < CERTIFICATE_USEC)
		return;
	d->complained = now;
	if (at) {
		n -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	text = xasprintf("Error L14 (certificate validation): error=\"bad "
			 "certificate\" uri=\"%.*s%.*s/\"",
			 scheme_end ? (int)(scheme_end + 3 - d->url) : 0, d->url,
			 (int)n, host);
	if (logs_say_as(d->place->logs, d->app, "heroku", "logplex", text, &e) < 0)
		log_err("drain %s: %s", d->id, e.msg);
}

static void drain_failed(struct drain *d, const struct drain_outcome *outcome)
{
	unsigned max = d->sink->kind->tries;
	size_t bytes, count;

	d->tries++;
	if (max && d->tries >= max) {
		drain_window_lost(&d->w, clock_real_usec());
		return;
	}
	count = drain_frame_whole(d->frame.data, outcome->sent, &bytes);
	if (count) {
		drain_window_part(&d->w, count);
		buf_consume(&d->frame, bytes);
		d->count -= count;
	}
	drain_send(d);
}

static void on_drain_done(const struct drain_outcome *outcome, void *userdata)
{
	struct drain *d = userdata;
	bool works = outcome->verdict == DRAIN_ACCEPTED;

	snprintf(d->why, sizeof(d->why), "%s", outcome->why);
	if (works)
		drain_window_done(&d->w);
	else if (outcome->verdict == DRAIN_REFUSED)
		drain_window_lost(&d->w, clock_real_usec());
	else
		drain_failed(d, outcome);
	drain_moved(d);
	if (outcome->certificate)
		drain_complain(d);	/* that is a line for us, too */
	if (!d->w.last)
		drain_go_on(d, drain_newest(d));
}

/* ---- life ---- */

static int drain_connect(struct drain *d, const char *url, struct error *e)
{
	struct drain_sink_spec spec = {
		.event = d->place->event, .networks = d->place->networks,
		.ca_file = d->place->ca_file, .token = d->token,
		.on_done = on_drain_done, .userdata = d,
	};
	struct drain_sink *sink;
	int r = drain_url_parse(&spec.url, url, e);

	if (r == 0)
		r = drain_sink_new(&sink, &spec, e);
	if (r < 0)
		return r;
	drain_sink_free(d->sink);
	d->sink = sink;
	free(d->url);
	d->url = xstrdup(url);
	*d->why = '\0';
	d->complained = 0;
	return 0;
}

static int drain_load(struct drain *d, uint64_t after, struct error *e)
{
	int r = drain_cursors_load(d->place->cursors, d->id, &d->w, e);

	if (r == DRAIN_CURSORS_NONE) {
		d->w = (struct drain_window){ .start = after, .next = after };
		drain_moved(d);
		r = 0;
	}
	if (r == 0 && drain_window_reset(&d->w, drain_newest(d))) {
		log_warn("drain %s: the lines begin anew", d->id);
		drain_moved(d);
	}
	return r;
}

int drain_new(struct drain **ret, const struct drain_place *place,
	      const struct drain_spec *spec, struct error *e)
{
	auto_(drain_free_p) struct drain *d = xcalloc(1, sizeof(*d));
	int r;

	d->place = place;
	d->id = xstrdup(spec->id);
	d->app = xstrdup(spec->app);
	d->token = xstrdup(spec->token);
	r = drain_connect(d, spec->url, e);
	if (r == 0)
		r = drain_load(d, spec->after, e);
	if (r == 0 && d->w.last)
		r = drain_make_again(d, e);
	if (r < 0)
		return r;
	d->watch = logs_watch_new(place->logs, d->app, on_drain_lines, d);
	if (d->w.last)
		drain_send(d);
	on_drain_lines(d);
	*ret = take_ptr(d);
	return 0;
}

struct drain *drain_free(struct drain *d)
{
	if (!d)
		return NULL;
	logs_watch_free(d->watch);
	drain_sink_free(d->sink);
	loop_unref(d->linger);
	buf_deinit(&d->frame);
	free(d->id);
	free(d->app);
	free(d->token);
	free(d->url);
	free(d);
	return NULL;
}

int drain_set_url(struct drain *d, const char *url, struct error *e)
{
	enum drain_form before = d->sink->kind->form;
	int r;

	if (str_eq(d->url, url))
		return 0;
	r = drain_connect(d, url, e);
	if (r < 0 || !d->w.last)
		return r;
	d->tries = 0;
	if (d->sink->kind->form != before)
		r = drain_make_again(d, e);
	if (d->w.last)
		drain_send(d);
	return r;
}

const char *drain_id(const struct drain *d)
{
	return d->id;
}

const char *drain_app(const struct drain *d)
{
	return d->app;
}

json_t *drain_stats(const struct drain *d)
{
	uint64_t newest = drain_newest(d);

	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:s?}", "id", d->id,
		"token", d->token, "produced", (json_int_t)(newest - d->w.start),
		"delivered", (json_int_t)d->w.delivered,
		"dropped", (json_int_t)d->w.dropped,
		"waiting", (json_int_t)drain_window_waiting(&d->w, newest),
		"error", *d->why ? d->why : NULL);
}
