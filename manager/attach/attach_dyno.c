/* attach_dyno.c - the side of the dyno: its terminal, or its pipes. */
#include "base/log.h"
#include "base/loop.h"
#include "manager/attach/attach_sides.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>

#define CHUNK_MAX 16384
#define REOPEN_USEC (100 * USEC_PER_MSEC)

void attach_dyno_set_window(struct attach *a, uint16_t rows, uint16_t cols)
{
	struct winsize ws = { .ws_row = rows, .ws_col = cols };

	if (a->tty && a->dyno[DYNO_FD_OUT].fd >= 0 && rows && cols &&
	    ioctl(a->dyno[DYNO_FD_OUT].fd, TIOCSWINSZ, &ws) < 0)
		log_debug("set the size of a terminal: %m, ignoring");
}

void attach_dyno_write(struct attach *a)
{
	struct attach_side *side = &a->dyno[a->tty ? DYNO_FD_OUT : DYNO_FD_IN];
	ssize_t n;

	if (side->fd < 0) {
		/* Nobody reads it (any more). */
		buf_clear(&a->input);
		return;
	}
	while (a->input.len) {
		n = write(side->fd, a->input.data, a->input.len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			buf_clear(&a->input);
			if (!a->tty)
				attach_side_close(side);
			return;
		}
		buf_consume(&a->input, (size_t)n);
	}
	if (a->input_ended && !a->tty)
		attach_side_close(side);
}

void attach_dyno_check_drained(struct attach *a)
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

static void attach_dyno_read(struct attach *a, int which)
{
	struct attach_side *side = &a->dyno[which];
	char chunk[CHUNK_MAX];
	ssize_t n = read(side->fd, chunk, sizeof(chunk));

	if (n > 0) {
		attach_stream_put(a, which == DYNO_FD_ERR ? ATTACH_DIAGNOSTIC :
				  ATTACH_OUTPUT, chunk, (size_t)n);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* A terminal that nobody has open, while the dyno lives: somebody may
	 * open it again. */
	if (!a->tty || a->draining ||
	    loop_timer(a->event, &a->reopen, REOPEN_USEC, on_attach_reopen, a,
		       "terminal", NULL) < 0)
		attach_side_close(side);
}

int on_attach_dyno(sd_event_source *src, int fd, uint32_t revents, void *userdata)
{
	struct attach *a = userdata;

	if (revents & EPOLLOUT || fd == a->dyno[DYNO_FD_IN].fd)
		attach_dyno_write(a);
	for (int i = DYNO_FD_OUT; i <= DYNO_FD_ERR; i++)
		if (fd == a->dyno[i].fd && revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
			attach_dyno_read(a, i);
	/* What upstream sent while the queue was full is still unparsed. */
	attach_stream_parse(a);
	if (a->input.len || a->input_ended)
		attach_dyno_write(a);
	if (a->phase == ATTACH_OPEN)
		attach_stream_write(a);
	attach_dyno_check_drained(a);
	attach_update(a);
	return 0;
}
