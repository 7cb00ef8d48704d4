/*
 * frame.c - the frames that a client may get, and how long they may be.
 */
#include "cli/client/frame.h"

#include "base/error.h"

static const struct {
	enum frame_type type;
	size_t min, max;
} kinds[] = {
	{ FRAME_RUNNING, 0, REPLAY_PAYLOAD_MAX },
	{ FRAME_OUTPUT, 0, REPLAY_PAYLOAD_MAX },
	{ FRAME_ERROR_OUTPUT, 0, REPLAY_PAYLOAD_MAX },
	{ FRAME_EXIT, 1, 1 },
	{ FRAME_FAILED, 0, REPLAY_PAYLOAD_MAX },
	{ FRAME_JOIN, REPLAY_COUNT_BYTES, REPLAY_COUNT_BYTES },
	{ FRAME_KNOWN, REPLAY_COUNT_BYTES, REPLAY_COUNT_BYTES },
};

static bool frame_ok(const unsigned char *p, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (p[0] == (unsigned char)kinds[i].type)
			return len >= kinds[i].min && len <= kinds[i].max;
	return false;
}

int frame_peek(const struct buf *in, struct frame *ret, struct error *e)
{
	const unsigned char *p = (const unsigned char *)in->data;
	size_t len;

	if (in->len < REPLAY_HEAD)
		return 0;
	len = replay_frame_size(p) - REPLAY_HEAD;
	if (!frame_ok(p, len))
		return error_set(e, EPROTO, "attach stream: unexpected frame "
				 "(type 0x%02x, %zu bytes)", p[0], len);
	if (in->len < REPLAY_HEAD + len)
		return 0;
	*ret = (struct frame){
		.type = (enum frame_type)p[0], .data = in->data + REPLAY_HEAD,
		.len = len,
	};
	return FRAME_READY;
}
