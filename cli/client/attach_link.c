/*
 * attach_link.c - counted frames in both directions.
 */
#include "cli/client/attach_link.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#define LINK_READ (32 * 1024)
#define LINK_TELL (64 * 1024)		/* of the dyno's bytes, until the host hears of it */
#define LINK_END_USEC USEC_PER_SEC
/* A link that is dead without a word is found out within half a minute. */
#define LINK_KEEPALIVE_SEC 10
#define LINK_KEEPALIVE_COUNT 3

static void link_keepalive(int fd)
{
	int on = 1, idle = LINK_KEEPALIVE_SEC, count = LINK_KEEPALIVE_COUNT;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void link_count(unsigned char bytes[REPLAY_COUNT_BYTES], uint64_t count)
{
	for (int i = REPLAY_COUNT_BYTES - 1; i >= 0; i--, count >>= 8)
		bytes[i] = (unsigned char)count;
}

int attach_link_open(struct attach_link *l, int fd, const struct buf *early,
		     struct error *e)
{
	unsigned char join[2 * REPLAY_COUNT_BYTES];

	l->fd = fd;
	l->deaf = false;
	link_keepalive(fd);
	buf_add(&l->in, early->data, early->len);
	link_count(join, l->have);
	link_count(join + REPLAY_COUNT_BYTES, replay_said(&l->out));
	replay_control(&l->out, FRAME_JOIN, join, sizeof(join));
	return file_set_nonblock(fd, true, e);
}

void attach_link_close(struct attach_link *l)
{
	l->fd = fd_close(l->fd);
	l->joined = false;
	l->told = l->have;
	buf_clear(&l->in);
	replay_disconnect(&l->out);
}

void attach_link_deinit(struct attach_link *l)
{
	l->fd = fd_close(l->fd);
	buf_deinit(&l->in);
	replay_deinit(&l->out);
}

bool attach_link_can_come_again(const struct attach_link *l)
{
	return l->out.keep;
}

void attach_link_put(struct attach_link *l, enum frame_type type, const void *data,
		     size_t n)
{
	if (!l->deaf || l->out.keep)
		replay_put(&l->out, (char)type, data, n);
}

void attach_link_put_window(struct attach_link *l, uint16_t rows, uint16_t cols)
{
	unsigned char size[4] = {
		(unsigned char)(rows >> 8), (unsigned char)rows,
		(unsigned char)(cols >> 8), (unsigned char)cols,
	};

	/* A connection begins with JOIN; the size is told after it. */
	if (l->fd >= 0 && !l->deaf)
		replay_control(&l->out, FRAME_WINDOW, size, sizeof(size));
}

bool attach_link_has_output(const struct attach_link *l)
{
	const void *data;
	size_t n;

	return l->fd >= 0 && !l->deaf && replay_next(&l->out, &data, &n);
}

/* ---- what comes ---- */

static int link_take(struct attach_link *l, const struct frame *f, struct error *e)
{
	if (f->type == FRAME_JOIN) {
		l->joined = true;
		if (!replay_rejoin(&l->out, replay_read_count(f->data)))
			return error_set(e, EPROTO, "attach stream: the dyno's host "
					 "has what was never sent");
		return 0;
	}
	/* The rest of what the last connection had. The frames come again; and what was
	 * known of ours is told by JOIN. */
	if (l->out.keep && !l->joined)
		return 0;
	if (f->type == FRAME_KNOWN) {
		if (!replay_ack(&l->out, replay_read_count(f->data)))
			return error_set(e, EPROTO, "attach stream: the dyno's host "
					 "knows what was never sent");
		return 0;
	}
	l->have += REPLAY_HEAD + f->len;
	if (l->joined && l->have - l->told >= LINK_TELL) {
		l->told = l->have;
		replay_control_count(&l->out, FRAME_KNOWN, l->have);
	}
	return l->on_frame(f, l->userdata, e);
}

int attach_link_frames(struct attach_link *l, struct error *e)
{
	size_t at = 0;
	int r;

	for (;;) {
		struct buf rest = { l->in.data + at, l->in.len - at, 0 };
		struct frame f;

		r = frame_peek(&rest, &f, e);
		if (r != FRAME_READY)
			break;
		at += REPLAY_HEAD + f.len;
		r = link_take(l, &f, e);
		if (r < 0)
			break;
	}
	buf_consume(&l->in, at);
	return r < 0 ? r : 0;
}

int attach_link_read(struct attach_link *l, struct error *e)
{
	ssize_t n;

	buf_reserve(&l->in, LINK_READ);
	n = read(l->fd, l->in.data + l->in.len, LINK_READ);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return error_set(e, ECONNRESET, "the connection to the dyno was "
				 "lost");
	l->in.len += (size_t)n;
	return attach_link_frames(l, e);
}

/* ---- what goes ---- */

void attach_link_write(struct attach_link *l)
{
	const void *data;
	size_t n;

	while (l->fd >= 0 && !l->deaf && replay_next(&l->out, &data, &n)) {
		ssize_t sent = send(l->fd, data, n, MSG_NOSIGNAL);

		if (sent >= 0) {
			replay_sent(&l->out, (size_t)sent);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR)
			return;
		/* It may still have things to say: its status, the last lines. */
		l->deaf = true;
		if (!l->out.keep)
			replay_clear(&l->out);
		return;
	}
}

void attach_link_end(struct attach_link *l, bool leave)
{
	uint64_t deadline = clock_mono_usec() + LINK_END_USEC;
	struct pollfd p = { .fd = l->fd, .events = POLLOUT };

	if (leave)
		replay_control(&l->out, FRAME_LEAVE, NULL, 0);
	else if (l->joined)
		replay_control_count(&l->out, FRAME_KNOWN, l->have);
	attach_link_write(l);
	while (l->fd >= 0 && !l->deaf && l->out.control.len && clock_mono_usec() < deadline &&
	       poll(&p, 1, (int)(LINK_END_USEC / USEC_PER_MSEC)) > 0)
		attach_link_write(l);
}
