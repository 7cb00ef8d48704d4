/* attach_frame.c - the frames that a host takes, as a table. */
#include "manager/attach/attach_frame.h"

#include <signal.h>

static const struct {
	enum attach_type type;
	size_t min, max;		/* bytes of payload */
	bool counts;
} kinds[] = {
	{ ATTACH_CLIENT, 4, 4, false },
	{ ATTACH_INPUT, 0, REPLAY_PAYLOAD_MAX, true },
	{ ATTACH_EOF, 0, 0, true },
	{ ATTACH_WINDOW, 4, 4, false },
	{ ATTACH_SIGNAL, 1, 1, true },
	{ ATTACH_HANGUP, 0, 0, false },
	{ ATTACH_JOIN, 2 * REPLAY_COUNT_BYTES, 2 * REPLAY_COUNT_BYTES, false },
	{ ATTACH_KNOWN, REPLAY_COUNT_BYTES, REPLAY_COUNT_BYTES, false },
};

static bool attach_signal_ok(int sig)
{
	return sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT;
}

ssize_t attach_frame_parse(const void *data, size_t n, struct attach_frame *ret)
{
	const unsigned char *p = data;
	size_t size, i;

	if (n < REPLAY_HEAD)
		return 0;
	size = replay_frame_size(p);
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if ((unsigned char)kinds[i].type == p[0])
			break;
	if (i == ARRAY_SIZE(kinds) || size - REPLAY_HEAD < kinds[i].min ||
	    size - REPLAY_HEAD > kinds[i].max)
		return -EPROTO;
	if (n < size)
		return 0;
	if (kinds[i].type == ATTACH_SIGNAL && !attach_signal_ok(p[REPLAY_HEAD]))
		return -EPROTO;
	ret->type = kinds[i].type;
	ret->data = p + REPLAY_HEAD;
	ret->n = size - REPLAY_HEAD;
	return (ssize_t)size;
}

bool attach_frame_counts(enum attach_type type)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].type == type)
			return kinds[i].counts;
	return false;
}

void attach_frame_window(const struct attach_frame *f, uint16_t *ret_rows,
			 uint16_t *ret_cols)
{
	assert(f->n == 4);
	*ret_rows = (uint16_t)(f->data[0] << 8 | f->data[1]);
	*ret_cols = (uint16_t)(f->data[2] << 8 | f->data[3]);
}
