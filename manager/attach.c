/*
 * attach.c - pumps bytes between upstream's stream and a dyno.
 *
 * The queue towards upstream holds whole frames and how much of the first one
 * has been sent, so that a broken stream can be replaced by a new one without
 * half a frame.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/attach.h"
#include "manager/attach_frame.h"
#include "manager/backoff.h"
#include "manager/dial.h"
#include "manager/limits.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define CHUNK_MAX 16384
#define LINGER_USEC (10 * USEC_PER_SEC)
#define BROKEN_USEC (ATTACH_TIMEOUT_SEC * USEC_PER_SEC)
#define IDLE_USEC (ATTACH_IDLE_SEC * USEC_PER_SEC)
#define REDIAL_MAX_USEC (2 * USEC_PER_SEC)
#define REOPEN_USEC (100 * USEC_PER_MSEC)

enum attach_phase {
	ATTACH_CONNECTING,	/* dials, or waits to dial again */
	ATTACH_OPEN,
	ATTACH_LOST,
	ATTACH_DONE,
};

struct attach_side {
	int fd;			/* -1 = none, or at its end */
	sd_event_source *source;
};

struct attach {
	sd_event *event;
	char *base, *token, *path;
	const struct attach_ops *ops;
	void *userdata;

	enum attach_phase phase;
	struct dial *dial;
	struct attach_side stream;
	sd_event_source *redial, *idle, *linger, *reopen;
	unsigned failures;
	uint64_t broken_since;	/* monotonic; 0 = not broken */
	uint64_t active;	/* monotonic: when a byte moved last */
	bool client;		/* has come */
	bool ending;		/* the last frame is queued */

	struct buf in;		/* from the stream, not parsed */
	struct buf out;		/* frames to the stream */
	size_t sent;		/* of the first one */
	struct buf input;	/* for the dyno */
	bool input_ended;

	bool serving, draining, drained, tty;
	struct attach_side dyno[DYNO_FD_COUNT];
};

static void attach_update(struct attach *a);
static void attach_dial(struct attach *a);

/* ---- ends ---- */

static void attach_side_close(struct attach_side *end)
{
	end->source = loop_unref(end->source);
	end->fd = fd_close(end->fd);
}

/* Events 0 switches the source off: EPOLLHUP cannot be masked otherwise. */
static void attach_side_watch(struct attach_side *end, uint32_t events)
{
	if (!end->source)
		return;
	if (events)
		sd_event_source_set_io_events(end->source, events);
	sd_event_source_set_enabled(end->source,
				    events ? SD_EVENT_ON : SD_EVENT_OFF);
}

/* ---- end of the client, end of all ---- */

static void attach_close_stream(struct attach *a)
{
	attach_side_close(&a->stream);
	a->dial = dial_free(a->dial);
	a->redial = loop_unref(a->redial);
	buf_clear(&a->in);
	a->sent = 0;
}

static void attach_finish(struct attach *a)
{
	attach_close_stream(a);
	a->linger = loop_unref(a->linger);
	a->idle = loop_unref(a->idle);
	a->phase = ATTACH_DONE;
	a->ops->on_done(a->userdata);
}

static void attach_lose(struct attach *a, const char *why)
{
	if (a->phase == ATTACH_LOST || a->phase == ATTACH_DONE)
		return;
	log_debug("client of %s is lost: %s", a->path, why);
	if (a->ending) {
		attach_finish(a);
		return;
	}
	attach_close_stream(a);
	a->idle = loop_unref(a->idle);
	buf_clear(&a->out);
	buf_clear(&a->input);
	a->phase = ATTACH_LOST;
	attach_update(a);
	a->ops->on_lost(a->userdata);
}

/* ---- connecting ---- */

static int on_attach_redial(sd_event_source *src, uint64_t usec, void *userdata)
{
	attach_dial(userdata);
	return 0;
}

static void attach_broken(struct attach *a, const char *why)
{
	uint64_t now = clock_mono_usec();
	struct error e;

	log_debug("stream %s: %s", a->path, why);
	attach_close_stream(a);
	a->phase = ATTACH_CONNECTING;
	if (!a->broken_since)
		a->broken_since = now;
	if (now - a->broken_since > BROKEN_USEC) {
		attach_lose(a, why);
		return;
	}
	if (loop_timer(a->event, &a->redial,
		       backoff_retry(++a->failures, REDIAL_MAX_USEC),
		       on_attach_redial, a, "attach again", &e) < 0)
		attach_lose(a, e.msg);
}

static int on_attach_stream(sd_event_source *src, int fd, uint32_t revents,
			    void *userdata);
static void attach_parse(struct attach *a);

static void attach_opened(struct attach *a, const struct dial_result *res)
{
	int r;

	a->stream.fd = res->fd;
	r = sd_event_add_io(a->event, &a->stream.source, a->stream.fd, EPOLLIN,
			    on_attach_stream, a);
	if (r < 0) {
		attach_broken(a, strerror(-r));
		return;
	}
	sd_event_source_set_description(a->stream.source, "attach stream");
	a->phase = ATTACH_OPEN;
	a->broken_since = 0;
	a->failures = 0;
	a->active = clock_mono_usec();
	buf_add(&a->in, res->early, res->n_early);
	attach_parse(a);
	attach_update(a);
}

static void on_attach_dialled(const struct dial_result *res, void *userdata)
{
	struct attach *a = userdata;
	struct dial_result copy = *res;
	auto_(dial_free_p) struct dial *d = take_ptr(a->dial);

	/* The result points into d, which lives to the end of this function. */
	if (copy.status == 101)
		attach_opened(a, &copy);
	else if (copy.status == 404 || copy.status == 410)
		attach_lose(a, copy.message);
	else
		attach_broken(a, copy.message);
}

static void attach_dial(struct attach *a)
{
	struct dial_spec spec = { a->base, a->token, a->path, ATTACH_PROTOCOL };
	struct error e;

	if (dial_new(&a->dial, a->event, &spec, on_attach_dialled, a, &e) < 0)
		attach_broken(a, e.msg);
}

/* ---- stream -> dyno ---- */

static void attach_set_window(struct attach *a, uint16_t rows, uint16_t cols)
{
	struct winsize ws = { .ws_row = rows, .ws_col = cols };

	if (a->tty && a->dyno[DYNO_FD_OUT].fd >= 0 && rows && cols &&
	    ioctl(a->dyno[DYNO_FD_OUT].fd, TIOCSWINSZ, &ws) < 0)
		log_debug("set the size of a terminal: %m, ignoring");
}

static void attach_handle(struct attach *a, const struct attach_frame *f)
{
	uint16_t rows, cols;

	switch (f->type) {
	case ATTACH_CLIENT:
	case ATTACH_WINDOW:
		attach_frame_window(f, &rows, &cols);
		attach_set_window(a, rows, cols);
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

static void attach_parse(struct attach *a)
{
	struct attach_frame f;
	size_t used = 0;
	ssize_t n = 1;

	while (a->phase == ATTACH_OPEN && a->input.len < ATTACH_QUEUE_MAX) {
		n = attach_frame_parse(buf_str(&a->in) + used, a->in.len - used, &f);
		if (n <= 0)
			break;
		used += (size_t)n;
		attach_handle(a, &f);
	}
	if (a->phase != ATTACH_OPEN)
		return;
	buf_consume(&a->in, used);
	if (n < 0)
		attach_lose(a, "a frame is malformed");
}

static void attach_read_stream(struct attach *a)
{
	char chunk[CHUNK_MAX];
	ssize_t n = read(a->stream.fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		if (a->ending && a->out.len == 0)
			attach_finish(a);
		else
			attach_broken(a, n < 0 ? strerror(errno) : "closed");
		return;
	}
	a->active = clock_mono_usec();
	buf_add(&a->in, chunk, (size_t)n);
	attach_parse(a);
}

static void attach_write_dyno(struct attach *a)
{
	struct attach_side *end = &a->dyno[a->tty ? DYNO_FD_OUT : DYNO_FD_IN];
	ssize_t n;

	if (end->fd < 0) {
		/* Nobody reads it (any more). */
		buf_clear(&a->input);
		return;
	}
	while (a->input.len) {
		n = write(end->fd, a->input.data, a->input.len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			buf_clear(&a->input);
			if (!a->tty)
				attach_side_close(end);
			return;
		}
		buf_consume(&a->input, (size_t)n);
	}
	if (a->input_ended && !a->tty)
		attach_side_close(end);
}

/* ---- dyno -> stream ---- */

static void attach_write_stream(struct attach *a)
{
	while (a->out.len) {
		ssize_t n = send(a->stream.fd, a->out.data + a->sent,
				 a->out.len - a->sent, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			attach_broken(a, strerror(errno));
			return;
		}
		a->active = clock_mono_usec();
		a->sent += (size_t)n;
		for (size_t done = 0; ; ) {
			size_t size = a->out.len - done < ATTACH_HEAD ? SIZE_MAX :
				attach_frame_size(a->out.data + done);

			if (a->sent - done < size) {
				buf_consume(&a->out, done);
				a->sent -= done;
				break;
			}
			done += size;
		}
	}
}

static void attach_put(struct attach *a, enum attach_type type,
		       const void *data, size_t n)
{
	if (a->phase != ATTACH_LOST && a->phase != ATTACH_DONE)
		attach_frame_add(&a->out, type, data, n);
}

static void attach_check_drained(struct attach *a)
{
	if (!a->draining || a->drained || a->dyno[DYNO_FD_OUT].fd >= 0 ||
	    a->dyno[DYNO_FD_ERR].fd >= 0)
		return;
	a->drained = true;
	attach_side_close(&a->dyno[DYNO_FD_IN]);
	buf_clear(&a->input);
	a->ops->on_drained(a->userdata);
}

static int on_attach_reopen(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct attach *a = userdata;

	a->reopen = loop_unref(a->reopen);
	attach_update(a);
	return 0;
}

/* Returns false when there is nothing more to be read now. */
static bool attach_read_dyno(struct attach *a, int which)
{
	struct attach_side *end = &a->dyno[which];
	char chunk[CHUNK_MAX];
	ssize_t n = read(end->fd, chunk, sizeof(chunk));

	if (n > 0) {
		attach_put(a, which == DYNO_FD_ERR ? ATTACH_DIAGNOSTIC :
			   ATTACH_OUTPUT, chunk, (size_t)n);
		return true;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* A terminal that nobody has open, while the dyno lives: somebody may
	 * open it again. */
	if (a->tty && !a->draining) {
		loop_timer(a->event, &a->reopen, REOPEN_USEC, on_attach_reopen,
			   a, "terminal", NULL);
		return false;
	}
	attach_side_close(end);
	return false;
}

/* ---- who is watched for what ---- */

static void attach_update(struct attach *a)
{
	bool room = a->phase == ATTACH_LOST || a->phase == ATTACH_DONE ||
		    a->draining || a->out.len < ATTACH_QUEUE_MAX;
	uint32_t in = a->input.len ? EPOLLOUT : 0, out = room ? EPOLLIN : 0;

	attach_side_watch(&a->stream,
		(a->input.len < ATTACH_QUEUE_MAX ? EPOLLIN : EPOLLRDHUP) |
		(a->out.len ? EPOLLOUT : 0));
	attach_side_watch(&a->dyno[DYNO_FD_OUT], a->reopen ? 0 :
			 out | (a->tty ? in : 0));
	attach_side_watch(&a->dyno[DYNO_FD_ERR], out);
	attach_side_watch(&a->dyno[DYNO_FD_IN], in);
}

static int on_attach_stream(sd_event_source *src, int fd, uint32_t revents,
			    void *userdata)
{
	struct attach *a = userdata;

	/* While the dyno does not read its input, only the end is of interest. */
	if (revents & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) && !(revents & EPOLLIN)) {
		attach_broken(a, "closed");
		return 0;
	}
	if (revents & EPOLLOUT)
		attach_write_stream(a);
	if (revents & EPOLLIN && a->phase == ATTACH_OPEN)
		attach_read_stream(a);
	if (a->serving && a->input.len + a->input_ended)
		attach_write_dyno(a);
	attach_update(a);
	return 0;
}

static int on_attach_dyno(sd_event_source *src, int fd, uint32_t revents,
			  void *userdata)
{
	struct attach *a = userdata;

	if (revents & EPOLLOUT || fd == a->dyno[DYNO_FD_IN].fd)
		attach_write_dyno(a);
	for (int i = DYNO_FD_OUT; i <= DYNO_FD_ERR; i++)
		if (fd == a->dyno[i].fd && revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
			attach_read_dyno(a, i);
	/* What upstream sent while the queue was full is still unparsed. */
	attach_parse(a);
	if (a->phase == ATTACH_OPEN)
		attach_write_stream(a);
	attach_check_drained(a);
	attach_update(a);
	return 0;
}

static int on_attach_idle(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct attach *a = userdata;
	uint64_t quiet = clock_mono_usec() - a->active;

	if (quiet >= IDLE_USEC)
		attach_lose(a, "idle");
	else
		loop_timer(a->event, &a->idle, IDLE_USEC - quiet,
			   on_attach_idle, a, "attach idle", NULL);
	return 0;
}

/* ---- life ---- */

int attach_new(struct attach **ret, sd_event *event,
	       const struct attach_spec *spec, struct error *e)
{
	auto_(attach_free_p) struct attach *a = xcalloc(1, sizeof(*a));
	int r;

	a->event = event;
	a->base = xstrdup(spec->base);
	a->token = xstrdup(spec->token);
	a->path = xstrdup(spec->path);
	a->ops = spec->ops;
	a->userdata = spec->userdata;
	a->stream.fd = -1;
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		a->dyno[i].fd = -1;
	a->active = clock_mono_usec();
	if (spec->lost) {
		a->phase = ATTACH_LOST;
		*ret = take_ptr(a);
		return 0;
	}
	/* Even a failure comes from the loop. */
	r = loop_timer(event, &a->redial, 0, on_attach_redial, a, "attach", e);
	if (r < 0)
		return r;
	r = loop_timer(event, &a->idle, IDLE_USEC, on_attach_idle, a,
		       "attach idle", e);
	if (r < 0)
		return r;
	*ret = take_ptr(a);
	return 0;
}

static int attach_add_dyno(struct attach *a, int which, int fd, struct error *e)
{
	struct attach_side *end = &a->dyno[which];
	int r;

	end->fd = fd;
	r = file_set_nonblock(fd, true, e);
	if (r < 0)
		return r;
	r = sd_event_add_io(a->event, &end->source, fd, EPOLLIN, on_attach_dyno, a);
	if (r < 0)
		return error_ret(e, r, "watch a dyno's output");
	sd_event_source_set_description(end->source, "attach dyno");
	return 0;
}

int attach_serve(struct attach *a, enum dyno_stdio stdio,
		 int fds[DYNO_FD_COUNT], bool started, struct error *e)
{
	int r = 0;

	a->tty = stdio == DYNO_STDIO_PTY;
	a->client = true;
	a->serving = true;
	for (int i = 0; r >= 0 && i < DYNO_FD_COUNT; i++)
		if (fds[i] >= 0)
			r = attach_add_dyno(a, i, take_fd(fds[i]), e);
	if (r < 0)
		return r;
	if (a->tty)
		a->input_ended = false;
	if (started)
		attach_put(a, ATTACH_RUNNING, NULL, 0);
	attach_write_dyno(a);
	attach_update(a);
	return 0;
}

void attach_drain(struct attach *a)
{
	a->draining = true;
	a->reopen = loop_unref(a->reopen);
	attach_update(a);
	attach_check_drained(a);
}

static int on_attach_linger(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct attach *a = userdata;

	/* A slow client may take its time as long as it reads. */
	if (a->phase == ATTACH_OPEN && a->out.len &&
	    clock_mono_usec() - a->active < LINGER_USEC)
		loop_timer(a->event, &a->linger, LINGER_USEC, on_attach_linger,
			   a, "attach linger", NULL);
	else
		attach_finish(a);
	return 0;
}

static void attach_last(struct attach *a, enum attach_type type,
			const void *data, size_t n)
{
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		attach_side_close(&a->dyno[i]);
	if (a->phase == ATTACH_DONE || a->ending)
		return;
	attach_put(a, type, data, n);
	a->ending = true;
	a->idle = loop_unref(a->idle);
	if (loop_timer(a->event, &a->linger,
		       a->phase == ATTACH_LOST ? 0 : LINGER_USEC,
		       on_attach_linger, a, "attach linger", NULL) < 0)
		attach_finish(a);
	attach_update(a);
}

void attach_end(struct attach *a, int status)
{
	unsigned char byte = (unsigned char)status;

	attach_last(a, ATTACH_EXIT, &byte, 1);
}

void attach_fail(struct attach *a, const char *sentence)
{
	attach_last(a, ATTACH_FAILED, sentence, strlen(sentence));
}

bool attach_is_done(const struct attach *a)
{
	return a->phase == ATTACH_DONE;
}

struct attach *attach_free(struct attach *a)
{
	if (!a)
		return NULL;
	attach_close_stream(a);
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		attach_side_close(&a->dyno[i]);
	a->idle = loop_unref(a->idle);
	a->linger = loop_unref(a->linger);
	a->reopen = loop_unref(a->reopen);
	buf_deinit(&a->in);
	buf_deinit(&a->out);
	buf_deinit(&a->input);
	free(a->base);
	free(a->token);
	free(a->path);
	free(a);
	return NULL;
}
