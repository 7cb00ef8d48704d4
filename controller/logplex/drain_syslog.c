/*
 * drain_syslog.c - frames into a TCP or TLS connection. Nobody answers: a frame has
 * arrived when the kernel has taken it.
 *
 * The connection is libcurl's: it resolves without blocking, tries addresses, and
 * checks certificates.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "controller/logplex/drain_backoff.h"
#include "controller/logplex/drain_sink.h"
#include "http/client.h"
#include "http/wire.h"

#include <stdio.h>
#include <sys/epoll.h>

#define FRAME_BYTES 4096
#define CONNECT_USEC (5 * USEC_PER_SEC)
#define SEND_USEC (4 * USEC_PER_SEC)
#define IDLE_USEC (240 * USEC_PER_SEC)
#define IDLE_FUZZ_USEC (15 * USEC_PER_SEC)
#define AGE_USEC (5 * 3600 * USEC_PER_SEC)

struct drain_syslog {
	struct drain_sink sink;
	struct http_client *client;
	struct http_call *call;
	sd_event_source *io, *wait, *timer;	/* timer: sending, or idle */
	struct drain_message message;		/* being sent; len 0 = none */
	size_t at;				/* bytes of it that are gone */
	unsigned failures;			/* connections in a row */
	uint64_t good;				/* last good one made; 0 = none */
	uint64_t not_before;			/* monotonic: the next one */
};

static void drain_syslog_close(struct drain_syslog *s)
{
	s->io = loop_unref(s->io);
	s->timer = loop_unref(s->timer);
	s->call = http_call_free(s->call);
	s->client = http_client_free(s->client);
}

/* A connection that was good ends, or one that was tried was not good. */
static void drain_syslog_down(struct drain_syslog *s, bool was_good)
{
	uint64_t now = clock_mono_usec();

	drain_syslog_close(s);
	if (!was_good)
		s->failures++;
	s->not_before = now + drain_backoff_syslog(s->failures, s->good ?
						   now - s->good : UINT64_MAX);
}

static void drain_syslog_finish(struct drain_syslog *s, struct drain_outcome *outcome)
{
	outcome->sent = s->at;
	s->message.len = 0;
	s->at = 0;
	drain_sink_done(&s->sink, outcome);
}

static void drain_syslog_lost(struct drain_syslog *s, int r)
{
	struct drain_outcome outcome;

	memset(&outcome, 0, sizeof(outcome));
	drain_syslog_down(s, true);
	if (!s->message.len)
		return;			/* it was idle */
	drain_sink_failure(&outcome, r);
	drain_syslog_finish(s, &outcome);
}

static int on_syslog_idle(sd_event_source *src, uint64_t usec, void *userdata)
{
	drain_syslog_close(userdata);
	return 0;
}

static int on_syslog_slow(sd_event_source *src, uint64_t usec, void *userdata)
{
	drain_syslog_lost(userdata, -ETIMEDOUT);
	return 0;
}

static void drain_syslog_arm(struct drain_syslog *s, uint64_t usec,
			     sd_event_time_handler_t fn)
{
	struct error e;

	s->timer = loop_unref(s->timer);
	if (loop_timer(s->sink.spec.event, &s->timer, usec, fn, s, "drain", &e) < 0)
		log_err("%s", e.msg);
}

/* Syslog servers say nothing: what comes is an end, or is dropped. Returns
 * whether the connection is still there. */
static bool drain_syslog_read(struct drain_syslog *s)
{
	char data[4096];
	struct error e;
	ssize_t n;

	do
		n = wire_recv(s->call, data, sizeof(data), &e);
	while (n > 0);
	if (n == -EAGAIN)
		return true;
	drain_syslog_lost(s, n < 0 ? (int)n : -ECONNRESET);
	return false;
}

static void drain_syslog_write(struct drain_syslog *s)
{
	struct drain_outcome outcome;
	struct error e;
	ssize_t n;

	if (!s->message.len) {
		sd_event_source_set_io_events(s->io, EPOLLIN);
		return;
	}
	n = wire_send(s->call, s->message.data + s->at, s->message.len - s->at, &e);
	if (n == -EAGAIN)
		return;
	if (n < 0) {
		drain_syslog_lost(s, (int)n);
		return;
	}
	s->at += (size_t)n;
	if (s->at < s->message.len)
		return;
	drain_syslog_arm(s, IDLE_USEC + id_random(IDLE_FUZZ_USEC), on_syslog_idle);
	memset(&outcome, 0, sizeof(outcome));
	drain_syslog_finish(s, &outcome);
}

static int on_syslog_io(sd_event_source *src, int fd, uint32_t revents,
			void *userdata)
{
	struct drain_syslog *s = userdata;

	if ((revents & ~(uint32_t)EPOLLOUT) && !drain_syslog_read(s))
		return 0;
	if (revents & EPOLLOUT)
		drain_syslog_write(s);
	return 0;
}

/* What is written is written from the loop, never inside send(). */
static void drain_syslog_begin(struct drain_syslog *s)
{
	drain_syslog_arm(s, SEND_USEC, on_syslog_slow);
	sd_event_source_set_io_events(s->io, EPOLLIN | EPOLLOUT);
}

static void drain_syslog_fail(struct drain_syslog *s, int r)
{
	struct drain_outcome outcome;

	memset(&outcome, 0, sizeof(outcome));
	drain_syslog_down(s, false);
	drain_sink_failure(&outcome, r);
	drain_syslog_finish(s, &outcome);
}

static void on_syslog_connected(const struct http_result *res, void *userdata)
{
	struct drain_syslog *s = userdata;
	int fd, r = res->r;

	fd = r == 0 ? wire_fd(s->call) : -1;
	if (r == 0 && fd < 0)
		r = -ENOTCONN;
	if (r == 0)
		r = sd_event_add_io(s->sink.spec.event, &s->io, fd, EPOLLIN,
				    on_syslog_io, s);
	if (r < 0) {
		drain_syslog_fail(s, r);
		return;
	}
	sd_event_source_set_description(s->io, "drain");
	s->failures = 0;
	s->good = clock_mono_usec();
	drain_syslog_begin(s);
}

static void drain_syslog_connect(struct drain_syslog *s)
{
	const char *url = s->sink.spec.url.connect;
	struct error e;
	int r = http_client_new(&s->client, s->sink.spec.event,
				&(struct http_client_spec){
		.base = url, .ca_file = s->sink.spec.ca_file,
	}, &e);

	if (r == 0)
		r = http_call_new(&s->call, s->client, &(struct http_call_spec){
			.method = "GET", .path = url, .timeout_usec = CONNECT_USEC,
			.connect_usec = CONNECT_USEC, .wire = true, .direct = true,
			.on_address = drain_sink_address, .userdata = &s->sink,
		}, on_syslog_connected, s, &e);
	if (r < 0)
		drain_syslog_fail(s, r);
}

static int on_syslog_wait(sd_event_source *src, uint64_t usec, void *userdata)
{
	drain_syslog_connect(userdata);
	return 0;
}

static void drain_syslog_send(struct drain_sink *sink, const struct drain_message *m)
{
	struct drain_syslog *s = (struct drain_syslog *)sink;
	uint64_t now = clock_mono_usec();
	struct error e;

	s->message = *m;
	s->at = 0;
	if (s->io && now - s->good > AGE_USEC)
		drain_syslog_close(s);
	if (s->io)
		drain_syslog_begin(s);
	else if (loop_timer(sink->spec.event, &s->wait, s->not_before > now ?
			    s->not_before - now : 0, on_syslog_wait, s,
			    "drain back-off", &e) < 0)
		log_err("%s", e.msg);
}

static uint64_t drain_syslog_buffer(const struct drain_sink *sink, uint64_t buffer,
				    bool full)
{
	const struct drain_syslog *s = (const struct drain_syslog *)sink;

	return drain_backoff_buffer_syslog(buffer, s->failures, full);
}

static void drain_syslog_free(struct drain_sink *sink)
{
	struct drain_syslog *s = (struct drain_syslog *)sink;

	drain_syslog_close(s);
	loop_unref(s->wait);
	free(s);
}

static const struct drain_sink_kind kind = {
	.form = DRAIN_FORM_SYSLOG, .frame_bytes = FRAME_BYTES,
	.send = drain_syslog_send, .buffer = drain_syslog_buffer,
	.free = drain_syslog_free,
};

struct drain_sink *drain_syslog_new(void)
{
	struct drain_syslog *s = xcalloc(1, sizeof(*s));

	s->sink.kind = &kind;
	return &s->sink;
}
