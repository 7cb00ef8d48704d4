/*
 * replay.c - two queues, and a mark for what may go between their frames.
 */
#include "base/replay.h"

/* Moving what is left to the front pays when it is less than what goes. */
#define COMPACT_BYTES 65536

void replay_deinit(struct replay *r)
{
	buf_deinit(&r->frames);
	buf_deinit(&r->control);
}

size_t replay_frame_size(const void *data)
{
	const unsigned char *p = data;

	return REPLAY_HEAD + ((size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
}

static void replay_add(struct buf *b, char type, const void *data, size_t n)
{
	const unsigned char head[REPLAY_HEAD] = {
		(unsigned char)type, (unsigned char)(n >> 16),
		(unsigned char)(n >> 8), (unsigned char)n,
	};

	assert(n <= REPLAY_PAYLOAD_MAX);
	buf_add(b, head, sizeof(head));
	if (n)
		buf_add(b, data, n);
}

void replay_put(struct replay *r, char type, const void *data, size_t n)
{
	replay_add(&r->frames, type, data, n);
}

void replay_control(struct replay *r, char type, const void *data, size_t n)
{
	replay_add(&r->control, type, data, n);
}

void replay_control_count(struct replay *r, char type, uint64_t count)
{
	unsigned char bytes[REPLAY_COUNT_BYTES];

	for (int i = 0; i < REPLAY_COUNT_BYTES; i++)
		bytes[i] = (unsigned char)(count >> (8 * (REPLAY_COUNT_BYTES - 1 - i)));
	replay_control(r, type, bytes, sizeof(bytes));
}

uint64_t replay_read_count(const void *payload)
{
	const unsigned char *p = payload;
	uint64_t count = 0;

	for (int i = 0; i < REPLAY_COUNT_BYTES; i++)
		count = count << 8 | p[i];
	return count;
}

bool replay_next(const struct replay *r, const void **ret, size_t *ret_n)
{
	bool control = r->left ? r->in_control : r->control.len > 0;

	if (control) {
		*ret = r->control.data;
		*ret_n = r->left ? r->left : r->control.len;
		return true;
	}
	*ret = buf_str(&r->frames) + r->sent;
	*ret_n = r->left ? r->left : r->frames.len - r->sent;
	return *ret_n > 0 && !r->hold;
}

/* Drop n bytes from the front. */
static void replay_drop(struct replay *r, size_t n)
{
	r->front += n;
	r->count += n;
	if (r->sent < r->front)
		r->sent = r->front;
	if (r->front == r->frames.len) {
		buf_clear(&r->frames);
		r->front = r->sent = 0;
	} else if (r->front >= COMPACT_BYTES && r->front >= r->frames.len / 2) {
		buf_consume(&r->frames, r->front);
		r->sent -= r->front;
		r->front = 0;
	}
}

/* Without keep: frames that are wholly sent go. */
static void replay_drop_sent(struct replay *r)
{
	size_t n = 0;

	while (r->front + n + REPLAY_HEAD <= r->sent) {
		size_t size = replay_frame_size(r->frames.data + r->front + n);

		if (r->front + n + size > r->sent)
			break;
		n += size;
	}
	replay_drop(r, n);
}

void replay_sent(struct replay *r, size_t n)
{
	if (!r->left) {
		const void *data;

		replay_next(r, &data, &r->left);
		r->in_control = r->control.len > 0;
	}
	assert(n <= r->left);
	r->left -= n;
	if (r->in_control) {
		buf_consume(&r->control, n);
		return;
	}
	r->sent += n;
	if (!r->keep)
		replay_drop_sent(r);
	else if (r->rewind && !r->left)
		r->rewind = false, r->sent = r->front;
}

size_t replay_pending(const struct replay *r)
{
	return r->frames.len - r->front;
}

uint64_t replay_said(const struct replay *r)
{
	return r->count + replay_pending(r);
}

bool replay_is_empty(const struct replay *r)
{
	return replay_pending(r) == 0 && r->control.len == 0;
}

void replay_disconnect(struct replay *r)
{
	buf_clear(&r->control);
	r->left = 0;
	r->rewind = false;
	r->sent = r->front;
	r->hold = true;
}

void replay_release(struct replay *r)
{
	r->hold = r->hold && r->keep;
}

void replay_begin_at(struct replay *r, uint64_t count)
{
	assert(r->front == r->sent);
	r->count = count;
}

/* How far behind front the frame ends in which there is the byte at; or that ends there. */
static size_t replay_frame_end(const struct replay *r, size_t at)
{
	size_t end = 0;

	while (end < at)
		end += replay_frame_size(r->frames.data + r->front + end);
	return end;
}

/* Whether count is the end of a frame within the first n bytes behind front. */
static bool replay_is_end(const struct replay *r, uint64_t count, size_t n)
{
	return count >= r->count && count - r->count <= n &&
	       replay_frame_end(r, count - r->count) == count - r->count;
}

bool replay_ack(struct replay *r, uint64_t count)
{
	/* Nobody can have what was not sent. */
	if (!r->keep || !replay_is_end(r, count, r->sent - r->front))
		return false;
	replay_drop(r, count - r->count);
	return true;
}

bool replay_rejoin(struct replay *r, uint64_t count)
{
	bool half = r->left && !r->in_control;
	size_t sent = r->sent - r->front;

	if (!replay_is_end(r, count, half ? sent : replay_pending(r)))
		return false;
	if (half)
		r->left = replay_frame_end(r, sent) - sent;
	r->keep = true;
	r->hold = false;
	r->rewind = half && r->left;
	replay_drop(r, count - r->count);
	if (!r->rewind)
		r->sent = r->front;
	return true;
}

void replay_clear(struct replay *r)
{
	replay_drop(r, replay_pending(r));
	buf_clear(&r->control);
	r->left = 0;
	r->rewind = false;
}
