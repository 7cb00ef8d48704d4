/*
 * attach_stream.c - the side of upstream: connect, parse, write, connect again.
 *
 * What goes to upstream is a replay queue: a broken stream is replaced by a new
 * one without half a frame, and a client that says what it has (JOIN) gets
 * everything from there, whatever was lost on the way.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/attach/attach_sides.h"
#include "manager/model/backoff.h"
#include "manager/upstream/dial.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#define CHUNK_MAX 16384
#define BROKEN_USEC (30 * USEC_PER_SEC)	/* as long as the controller keeps the client */
#define REDIAL_MAX_USEC (2 * USEC_PER_SEC)

void attach_stream_close(struct attach *a)
{
	attach_side_close(&a->stream);
	a->dial = dial_free(a->dial);
	a->redial = loop_unref(a->redial);
	buf_clear(&a->in);
	replay_disconnect(&a->out);
}

/* ---- connecting ---- */

static void attach_stream_dial(struct attach *a);

static int on_attach_redial(sd_event_source *src, uint64_t usec, void *userdata)
{
	attach_stream_dial(userdata);
	return 0;
}

static void attach_stream_broken(struct attach *a, const char *why)
{
	uint64_t now = clock_mono_usec();
	struct error e;

	log_debug("stream %s: %s", a->path, why);
	attach_stream_close(a);
	a->phase = ATTACH_CONNECTING;
	if (!a->broken_since)
		a->broken_since = now;
	if (now - a->broken_since > BROKEN_USEC) {
		attach_lose(a, why);
		return;
	}
	if (loop_timer(a->event, &a->redial,
		       backoff_jitter(++a->failures, REDIAL_MAX_USEC,
				      id_random(BACKOFF_CHANCES)),
		       on_attach_redial, a, "attach again", &e) < 0)
		attach_lose(a, e.msg);
}

static int on_attach_stream(sd_event_source *src, int fd, uint32_t revents,
			    void *userdata);

static void attach_stream_opened(struct attach *a, const struct dial_result *res)
{
	int r;

	a->stream.fd = res->fd;
	r = sd_event_add_io(a->event, &a->stream.source, a->stream.fd, EPOLLIN,
			    on_attach_stream, a);
	if (r < 0) {
		attach_stream_broken(a, strerror(-r));
		return;
	}
	sd_event_source_set_description(a->stream.source, "attach stream");
	a->phase = ATTACH_OPEN;
	a->broken_since = 0;
	a->failures = 0;
	a->active = clock_mono_usec();
	buf_add(&a->in, res->early, res->n_early);
	attach_stream_parse(a);
	attach_update(a);
}

static void on_attach_dialled(const struct dial_result *res, void *userdata)
{
	struct attach *a = userdata;
	struct dial *d = take_ptr(a->dial);

	if (res->status == 101) {
		attach_stream_opened(a, res);
	} else if (res->status == 426 && !a->old) {
		a->old = true;
		attach_stream_broken(a, res->message);
	} else if (res->status == 404 || res->status == 410) {
		attach_lose(a, res->message);
	} else {
		attach_stream_broken(a, res->message);
	}
	dial_free(d);		/* the result was in it */
}

static void attach_stream_dial(struct attach *a)
{
	struct dial_spec spec = { a->upstream, a->path,
				  a->old ? ATTACH_PROTOCOL_OLD : ATTACH_PROTOCOL };
	struct error e;

	if (dial_new(&a->dial, a->event, &spec, on_attach_dialled, a, &e) < 0)
		attach_stream_broken(a, e.msg);
}

int attach_stream_start(struct attach *a, struct error *e)
{
	return loop_timer(a->event, &a->redial, 0, on_attach_redial, a, "attach", e);
}

/* ---- frames towards the dyno ---- */

/* The client is here (again): it goes on where it was, and so does what it says. Of a
 * dyno that was taken over from another supervisor only the client knows where. */
static void attach_stream_join(struct attach *a, const struct attach_frame *f)
{
	uint64_t have = replay_read_count(f->data);
	uint64_t said = replay_read_count(f->data + REPLAY_COUNT_BYTES);

	if (a->adopted && !a->out.keep) {
		replay_begin_at(&a->out, have);
		a->in_count = said;
	}
	if (!replay_rejoin(&a->out, have)) {
		attach_lose(a, "the client says that it has what was never sent");
		return;
	}
	a->in_told = a->in_count;
	replay_control_count(&a->out, ATTACH_JOIN, a->in_count);
}

static void attach_stream_known(struct attach *a, const struct attach_frame *f)
{
	if (!replay_ack(&a->out, replay_read_count(f->data)))
		attach_lose(a, "the client says that it has what was never sent");
	else if (a->ending && !replay_pending(&a->out))
		attach_finish(a);
}

static void attach_stream_count(struct attach *a, const struct attach_frame *f)
{
	if (!attach_frame_counts(f->type))
		return;
	a->in_count += REPLAY_HEAD + f->n;
	if (!a->out.keep || a->in_count - a->in_told < ATTACH_TELL_BYTES)
		return;
	a->in_told = a->in_count;
	replay_control_count(&a->out, ATTACH_KNOWN, a->in_count);
}

static void attach_stream_handle(struct attach *a, const struct attach_frame *f)
{
	uint16_t rows, cols;

	attach_stream_count(a, f);
	switch (f->type) {
	case ATTACH_JOIN:
		attach_stream_join(a, f);
		break;
	case ATTACH_KNOWN:
		attach_stream_known(a, f);
		break;
	case ATTACH_CLIENT:
	case ATTACH_WINDOW:
		attach_frame_window(f, &rows, &cols);
		attach_dyno_set_window(a, rows, cols);
		replay_release(&a->out);
		if (f->type == ATTACH_CLIENT && !a->client) {
			a->client = true;
			a->ops->on_client(rows, cols, a->userdata);
		}
		break;
	case ATTACH_INPUT:
		if (!a->input_ended && !a->draining)
			buf_add(&a->input, f->data, f->n);
		break;
	case ATTACH_EOF:
		a->input_ended = a->input_ended || !a->tty;
		break;
	case ATTACH_SIGNAL:
		a->ops->on_signal(f->data[0], a->userdata);
		break;
	case ATTACH_HANGUP:
		attach_lose(a, "upstream says so");
		break;
	case ATTACH_RUNNING:
	case ATTACH_OUTPUT:
	case ATTACH_DIAGNOSTIC:
	case ATTACH_EXIT:
	case ATTACH_FAILED:
		break;		/* attach_frame_parse() lets none of these through */
	}
}

void attach_stream_parse(struct attach *a)
{
	struct attach_frame f;
	size_t used = 0;
	ssize_t n = 1;

	while (a->phase == ATTACH_OPEN && a->input.len < ATTACH_QUEUE_MAX) {
		n = attach_frame_parse(buf_str(&a->in) + used, a->in.len - used, &f);
		if (n <= 0)
			break;
		used += (size_t)n;
		attach_stream_handle(a, &f);
	}
	if (a->phase != ATTACH_OPEN)
		return;
	buf_consume(&a->in, used);
	if (n < 0)
		attach_lose(a, "a frame is malformed");
}

static void attach_stream_read(struct attach *a)
{
	char chunk[CHUNK_MAX];
	ssize_t n = read(a->stream.fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		if (a->ending && !replay_pending(&a->out))
			attach_finish(a);
		else
			attach_stream_broken(a, n < 0 ? strerror(errno) : "closed");
		return;
	}
	a->active = clock_mono_usec();
	buf_add(&a->in, chunk, (size_t)n);
	attach_stream_parse(a);
}

/* ---- frames from the dyno ---- */

void attach_stream_write(struct attach *a)
{
	const void *data;
	size_t n;

	while (replay_next(&a->out, &data, &n)) {
		ssize_t sent = send(a->stream.fd, data, n, MSG_NOSIGNAL);

		if (sent < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (sent < 0) {
			attach_stream_broken(a, strerror(errno));
			return;
		}
		a->active = clock_mono_usec();
		replay_sent(&a->out, (size_t)sent);
	}
}

void attach_stream_put(struct attach *a, enum attach_type type,
		       const void *data, size_t n)
{
	if (a->phase != ATTACH_LOST && a->phase != ATTACH_DONE)
		replay_put(&a->out, (char)type, data, n);
}

static int on_attach_stream(sd_event_source *src, int fd, uint32_t revents,
			    void *userdata)
{
	struct attach *a = userdata;

	/* While the dyno does not read its input, only the end is of interest. */
	if (revents & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) && !(revents & EPOLLIN)) {
		attach_stream_broken(a, "closed");
		return 0;
	}
	if (revents & EPOLLOUT)
		attach_stream_write(a);
	if (revents & EPOLLIN && a->phase == ATTACH_OPEN)
		attach_stream_read(a);
	if (a->serving && a->input.len + a->input_ended)
		attach_dyno_write(a);
	attach_update(a);
	return 0;
}
