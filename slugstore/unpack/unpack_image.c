/*
 * unpack_image.c - a slug that is an image needs no unpacking: look at it, and
 * read it once for its SHA-256.
 */
#include "slugstore/unpack/unpack_image.h"
#include "slugstore/unpack/inflate.h"
#include "slugstore/unpack/stream.h"

int unpack_image(const struct inflate_source *src, enum image_kind kind,
		 struct unpack_result *ret, struct error *e)
{
	auto_(stream_free_p) struct stream *s = NULL;
	struct unpack_result res = { .image = kind };
	const void *p;
	size_t n;
	int r = image_check(src->fd, kind, src->limits, &res.entries, e);

	if (r == 0)
		r = stream_open(&s, src, e);
	while (r == 0 && (r = stream_read(s, &p, &n, e)) == 0)
		res.bytes += n;
	if (r < 0)
		return r;
	stream_sha256(s, res.sha256);
	*ret = res;
	return 0;
}
