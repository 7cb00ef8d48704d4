/* attach_frame.c - the frames that a host takes, as a table. */
#include "base/buf.h"
#include "manager/attach_frame.h"

#include <signal.h>

static const struct {
	enum attach_type type;
	size_t min, max;		/* bytes of payload */
} kinds[] = {
	{ ATTACH_CLIENT, 4, 4 },
	{ ATTACH_INPUT, 0, ATTACH_PAYLOAD_MAX },
	{ ATTACH_EOF, 0, 0 },
	{ ATTACH_WINDOW, 4, 4 },
	{ ATTACH_SIGNAL, 1, 1 },
	{ ATTACH_HANGUP, 0, 0 },
};

static bool attach_signal_ok(int sig)
{
	return sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT;
}

size_t attach_frame_size(const void *data)
{
	const unsigned char *p = data;

	return ATTACH_HEAD + ((size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
}

ssize_t attach_frame_parse(const void *data, size_t n, struct attach_frame *ret)
{
	const unsigned char *p = data;
	size_t size, i;

	if (n < ATTACH_HEAD)
		return 0;
	size = attach_frame_size(p);
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if ((unsigned char)kinds[i].type == p[0])
			break;
	if (i == ARRAY_SIZE(kinds) || size - ATTACH_HEAD < kinds[i].min ||
	    size - ATTACH_HEAD > kinds[i].max)
		return -EPROTO;
	if (n < size)
		return 0;
	if (kinds[i].type == ATTACH_SIGNAL && !attach_signal_ok(p[ATTACH_HEAD]))
		return -EPROTO;
	ret->type = kinds[i].type;
	ret->data = p + ATTACH_HEAD;
	ret->n = size - ATTACH_HEAD;
	return (ssize_t)size;
}

void attach_frame_add(struct buf *out, enum attach_type type, const void *data,
		      size_t n)
{
	unsigned char head[ATTACH_HEAD] = {
		(unsigned char)type, (unsigned char)(n >> 16),
		(unsigned char)(n >> 8), (unsigned char)n,
	};

	assert(n <= ATTACH_PAYLOAD_MAX);
	buf_add(out, head, sizeof(head));
	if (n)
		buf_add(out, data, n);
}

void attach_frame_window(const struct attach_frame *f, uint16_t *ret_rows,
			 uint16_t *ret_cols)
{
	assert(f->n == 4);
	*ret_rows = (uint16_t)(f->data[0] << 8 | f->data[1]);
	*ret_cols = (uint16_t)(f->data[2] << 8 | f->data[3]);
}
