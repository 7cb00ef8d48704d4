/*
 * frame_peer.c - type, length, payload; read one, pass it on, read the next.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/loop.h"
#include "controller/attach/frame_peer.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#define HEAD 4
#define READ_BYTES 65536
#define LINGER_USEC (5 * USEC_PER_SEC)

struct frame_peer {
	struct attach_peer peer;
	sd_event *event;		/* borrowed */
	int fd;
	sd_event_source *io, *kick, *linger;
	const char *allowed;
	struct buf in, out;
	bool patient;
	bool paused;
	bool finishing;			/* owns itself; flush, then close */
	bool lost;			/* waits to be freed */
	bool busy, freed;		/* freed inside its own event */
};

static struct frame_peer *frame_peer_of(struct attach_peer *p)
{
	return container_of(p, struct frame_peer, peer);
}

static void frame_peer_destroy(struct frame_peer *f)
{
	if (f->busy) {
		f->freed = true;
		return;
	}
	f->io = loop_unref(f->io);
	f->kick = loop_unref(f->kick);
	f->linger = loop_unref(f->linger);
	buf_deinit(&f->in);
	buf_deinit(&f->out);
	fd_close(f->fd);
	free(f);
}

static void frame_peer_arm(struct frame_peer *f)
{
	uint32_t events = f->out.len ? EPOLLOUT : 0;

	if (f->lost)
		return;
	if (!f->patient)
		events |= EPOLLRDHUP;
	if (!f->paused || f->finishing)
		events |= EPOLLIN;
	sd_event_source_set_io_events(f->io, events);
}

static void frame_peer_lose(struct frame_peer *f)
{
	if (f->lost)
		return;
	f->lost = true;
	sd_event_source_set_enabled(f->io, SD_EVENT_OFF);
	sd_event_source_set_enabled(f->kick, SD_EVENT_OFF);
	if (f->finishing)
		f->freed = true;	/* nobody waits for it */
	else
		f->peer.events->on_lost(&f->peer, f->peer.userdata);
}

/* ---- out ---- */

static void frame_peer_flush(struct frame_peer *f)
{
	bool had = f->out.len > 0;
	ssize_t n = 0;

	while (f->out.len) {
		n = send(f->fd, f->out.data, f->out.len, MSG_NOSIGNAL);
		if (n < 0)
			break;
		buf_consume(&f->out, (size_t)n);
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		if (f->patient)		/* what it has said may be unread */
			buf_clear(&f->out);
		else
			frame_peer_lose(f);
		return;
	}
	if (f->out.len)
		return;
	if (f->finishing)
		shutdown(f->fd, SHUT_WR);
	else if (had)
		f->peer.events->on_drained(&f->peer, f->peer.userdata);
}

static void frame_peer_send(struct attach_peer *p, char type, const void *data,
			    size_t n)
{
	struct frame_peer *f = frame_peer_of(p);
	const unsigned char head[HEAD] = {
		(unsigned char)type, (unsigned char)(n >> 16),
		(unsigned char)(n >> 8), (unsigned char)n,
	};

	assert(n <= ATTACH_PAYLOAD_MAX);
	if (f->lost || f->finishing)
		return;
	buf_add(&f->out, head, HEAD);
	buf_add(&f->out, data, n);
	frame_peer_arm(f);
}

static size_t frame_peer_backlog(const struct attach_peer *p)
{
	return container_of((struct attach_peer *)(uintptr_t)p,
			    struct frame_peer, peer)->out.len;
}

/* ---- in ---- */

/* Deliver complete frames until paused; the rest stays. */
static void frame_peer_deliver(struct frame_peer *f)
{
	while (!f->paused && !f->lost && !f->finishing && !f->freed &&
	       f->in.len >= HEAD) {
		const unsigned char *h = (const unsigned char *)f->in.data;
		size_t n = (size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3];
		char type = (char)h[0];

		if (n > ATTACH_PAYLOAD_MAX || !type || !strchr(f->allowed, type)) {
			frame_peer_lose(f);
			return;
		}
		if (f->in.len < HEAD + n)
			return;
		f->peer.events->on_frame(&f->peer, type, f->in.data + HEAD, n,
					 f->peer.userdata);
		buf_consume(&f->in, HEAD + n);
	}
}

static void frame_peer_read(struct frame_peer *f)
{
	ssize_t n;

	buf_reserve(&f->in, READ_BYTES);
	n = recv(f->fd, f->in.data + f->in.len, READ_BYTES, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		frame_peer_lose(f);
		return;
	}
	if (f->finishing)
		return;			/* nobody listens any more */
	f->in.len += (size_t)n;
	f->in.data[f->in.len] = '\0';
	frame_peer_deliver(f);
}

static void frame_peer_leave(struct frame_peer *f)
{
	f->busy = false;
	if (f->freed)
		frame_peer_destroy(f);
	else
		frame_peer_arm(f);
}

/* It has gone while it was not read. */
static void frame_peer_hang_up(struct frame_peer *f)
{
	if (f->patient && f->paused)
		sd_event_source_set_enabled(f->io, SD_EVENT_OFF);
	else
		frame_peer_lose(f);
}

static int on_frame_peer_io(sd_event_source *src, int fd, uint32_t revents,
			    void *userdata)
{
	struct frame_peer *f = userdata;

	f->busy = true;
	if (revents & EPOLLOUT)
		frame_peer_flush(f);
	if (!f->lost && !f->freed && (revents & EPOLLIN))
		frame_peer_read(f);
	else if (!f->lost && !f->freed &&
		 (revents & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)))
		frame_peer_hang_up(f);
	frame_peer_leave(f);
	return 0;
}

static int on_frame_peer_kick(sd_event_source *src, void *userdata)
{
	struct frame_peer *f = userdata;

	f->busy = true;
	frame_peer_deliver(f);
	frame_peer_leave(f);
	return 0;
}

static void frame_peer_pause(struct attach_peer *p, bool on)
{
	struct frame_peer *f = frame_peer_of(p);

	if (f->paused == on || f->lost)
		return;
	f->paused = on;
	frame_peer_arm(f);
	sd_event_source_set_enabled(f->io, SD_EVENT_ON);
	/* Frames that were read before the pause come from the loop. */
	if (!on && f->in.len)
		sd_event_source_set_enabled(f->kick, SD_EVENT_ONESHOT);
}

/* ---- the end ---- */

static int on_frame_peer_linger(sd_event_source *src, uint64_t usec,
				void *userdata)
{
	frame_peer_destroy(userdata);
	return 0;
}

static void frame_peer_finish(struct attach_peer *p)
{
	struct frame_peer *f = frame_peer_of(p);

	if (f->lost || loop_timer(f->event, &f->linger, LINGER_USEC,
				  on_frame_peer_linger, f, "attach end",
				  NULL) < 0) {
		frame_peer_destroy(f);
		return;
	}
	f->finishing = true;
	if (!f->out.len)
		shutdown(f->fd, SHUT_WR);
	frame_peer_arm(f);
}

static void frame_peer_free(struct attach_peer *p)
{
	frame_peer_destroy(frame_peer_of(p));
}

static const struct attach_peer_ops ops = {
	.send = frame_peer_send,
	.pause = frame_peer_pause,
	.backlog = frame_peer_backlog,
	.finish = frame_peer_finish,
	.free = frame_peer_free,
};

int frame_peer_new(struct attach_peer **ret, sd_event *event, int fd,
		   const void *early, size_t n_early, const char *allowed,
		   bool patient, const struct attach_peer_events *events, void *userdata,
		   struct error *e)
{
	struct frame_peer *f = xcalloc(1, sizeof(*f));
	int r;

	f->peer = (struct attach_peer){ &ops, events, userdata };
	f->event = event;
	f->fd = fd;
	f->allowed = allowed;
	f->patient = patient;
	buf_add(&f->in, early, n_early);
	r = sd_event_add_io(event, &f->io, fd, EPOLLIN, on_frame_peer_io, f);
	if (r >= 0)
		r = sd_event_add_defer(event, &f->kick, on_frame_peer_kick, f);
	if (r < 0) {
		frame_peer_destroy(f);
		return error_ret(e, r, "watch an attached stream");
	}
	sd_event_source_set_description(f->io, "attached stream");
	sd_event_source_set_enabled(f->kick, n_early ? SD_EVENT_ONESHOT
						     : SD_EVENT_OFF);
	*ret = &f->peer;
	return 0;
}
