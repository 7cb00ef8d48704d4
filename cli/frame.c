#include "cli/frame.h"

#include "base/buf.h"
#include "base/error.h"

void frame_put(struct buf *out, enum frame_type type, const void *data, size_t n)
{
	unsigned char head[FRAME_HEAD] = {
		(unsigned char)type, (unsigned char)(n >> 16),
		(unsigned char)(n >> 8), (unsigned char)n,
	};

	assert(n <= FRAME_MAX);
	buf_add(out, head, sizeof(head));
	buf_add(out, data, n);
}

void frame_put_window(struct buf *out, uint16_t rows, uint16_t cols)
{
	unsigned char size[4] = {
		(unsigned char)(rows >> 8), (unsigned char)rows,
		(unsigned char)(cols >> 8), (unsigned char)cols,
	};

	frame_put(out, FRAME_WINDOW, size, sizeof(size));
}

int frame_peek(const struct buf *in, struct frame *ret, struct error *e)
{
	static const char known[] = {
		FRAME_RUNNING, FRAME_OUTPUT, FRAME_ERROR_OUTPUT, FRAME_EXIT,
		FRAME_FAILED,
	};
	const unsigned char *p = (const unsigned char *)in->data;
	size_t len;

	if (in->len < FRAME_HEAD)
		return 0;
	len = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (!memchr(known, p[0], sizeof(known)) || len > FRAME_MAX ||
	    (p[0] == FRAME_EXIT && len != 1))
		return error_set(e, EPROTO, "attach stream: unexpected frame "
				 "(type 0x%02x, %zu bytes)", p[0], len);
	if (in->len < FRAME_HEAD + len)
		return 0;
	*ret = (struct frame){
		.type = (enum frame_type)p[0], .data = in->data + FRAME_HEAD,
		.len = len,
	};
	return FRAME_READY;
}
