/* attach.c - pumps bytes between upstream's stream and a dyno. */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/attach/attach_sides.h"

#include <sys/epoll.h>

#define LINGER_USEC (10 * USEC_PER_SEC)
#define KEEP_USEC (90 * USEC_PER_SEC)

/* ---- sides ---- */

void attach_side_close(struct attach_side *side)
{
	side->source = loop_unref(side->source);
	side->fd = fd_close(side->fd);
}

void attach_side_watch(struct attach_side *side, uint32_t events)
{
	if (!side->source)
		return;
	if (events)
		sd_event_source_set_io_events(side->source, events);
	sd_event_source_set_enabled(side->source,
				    events ? SD_EVENT_ON : SD_EVENT_OFF);
}

void attach_update(struct attach *a)
{
	bool room = a->phase == ATTACH_LOST || a->phase == ATTACH_DONE ||
		    a->draining || replay_pending(&a->out) <
		    (a->out.keep ? ATTACH_KEEP_MAX : ATTACH_QUEUE_MAX);
	uint32_t in = a->input.len ? EPOLLOUT : 0, out = room ? EPOLLIN : 0;
	const void *next;
	size_t n;

	attach_side_watch(&a->stream,
		(a->input.len < ATTACH_QUEUE_MAX ? EPOLLIN : EPOLLRDHUP) |
		(replay_next(&a->out, &next, &n) ? EPOLLOUT : 0));
	attach_side_watch(&a->dyno[DYNO_FD_OUT], a->reopen ? 0 :
			 out | (a->tty ? in : 0));
	attach_side_watch(&a->dyno[DYNO_FD_ERR], out);
	attach_side_watch(&a->dyno[DYNO_FD_IN], in);
}

/* ---- end of the client, end of all ---- */

void attach_finish(struct attach *a)
{
	attach_stream_close(a);
	a->linger = loop_unref(a->linger);
	a->idle = loop_unref(a->idle);
	a->phase = ATTACH_DONE;
	a->ops->on_done(a->userdata);
}

void attach_lose(struct attach *a, const char *why)
{
	if (a->phase == ATTACH_LOST || a->phase == ATTACH_DONE)
		return;
	log_debug("client of %s is lost: %s", a->path, why);
	if (a->ending) {
		attach_finish(a);
		return;
	}
	attach_stream_close(a);
	a->idle = loop_unref(a->idle);
	replay_clear(&a->out);
	buf_clear(&a->input);
	a->phase = ATTACH_LOST;
	attach_update(a);
	a->ops->on_lost(a->userdata);
}

static int on_attach_idle(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct attach *a = userdata;
	uint64_t quiet = clock_mono_usec() - a->active;

	if (quiet >= a->idle_usec)
		attach_lose(a, "idle");
	else
		loop_timer(a->event, &a->idle, a->idle_usec - quiet,
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
	a->upstream = spec->upstream;
	a->path = xstrdup(spec->path);
	a->idle_usec = spec->idle_usec;
	a->ops = spec->ops;
	a->userdata = spec->userdata;
	a->stream.fd = -1;
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		a->dyno[i].fd = -1;
	a->active = clock_mono_usec();
	a->out.hold = true;		/* until the client is here */
	if (spec->lost) {
		a->phase = ATTACH_LOST;
		*ret = take_ptr(a);
		return 0;
	}
	/* Even a failure comes from the loop. */
	r = attach_stream_start(a, e);
	if (r < 0)
		return r;
	r = loop_timer(event, &a->idle, a->idle_usec, on_attach_idle, a,
		       "attach idle", e);
	if (r < 0)
		return r;
	*ret = take_ptr(a);
	return 0;
}

static int attach_add_dyno(struct attach *a, int which, int fd, struct error *e)
{
	struct attach_side *side = &a->dyno[which];
	int r;

	side->fd = fd;
	r = file_set_nonblock(fd, true, e);
	if (r < 0)
		return r;
	r = sd_event_add_io(a->event, &side->source, fd, EPOLLIN, on_attach_dyno, a);
	if (r < 0)
		return error_ret(e, r, "watch a dyno's output");
	sd_event_source_set_description(side->source, "attach dyno");
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
	a->adopted = !started;
	if (started)
		attach_stream_put(a, ATTACH_RUNNING, NULL, 0);
	attach_dyno_write(a);
	attach_update(a);
	return 0;
}

void attach_drain(struct attach *a)
{
	a->draining = true;
	a->reopen = loop_unref(a->reopen);
	attach_update(a);
	attach_dyno_check_drained(a);
}

static int on_attach_linger(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct attach *a = userdata;

	uint64_t quiet = clock_mono_usec() - a->active;

	/* A slow client may take its time as long as it reads, and one that may
	 * come again is waited for: upstream says when it does not. */
	if (replay_pending(&a->out) &&
	    (a->out.keep ? quiet < KEEP_USEC :
	     a->phase == ATTACH_OPEN && quiet < LINGER_USEC))
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
	attach_stream_put(a, type, data, n);
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
	attach_stream_close(a);
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		attach_side_close(&a->dyno[i]);
	a->idle = loop_unref(a->idle);
	a->linger = loop_unref(a->linger);
	a->reopen = loop_unref(a->reopen);
	buf_deinit(&a->in);
	replay_deinit(&a->out);
	buf_deinit(&a->input);
	free(a->path);
	free(a);
	return NULL;
}
