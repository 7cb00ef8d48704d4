/*
 * unpack_image.c - a slug that is an image needs no unpacking: look at it.
 */
#include "slugstore/unpack/unpack_image.h"
#include "base/error.h"
#include "slugstore/unpack/inflate.h"

#include <sys/stat.h>

int unpack_image(const struct inflate_source *src, enum image_kind kind,
		 struct unpack_result *ret, struct error *e)
{
	struct unpack_result res = { .image = kind };
	struct stat st;
	int r = image_check(src->fd, kind, src->limits, &res.entries, e);

	if (r < 0)
		return r;
	if (fstat(src->fd, &st) < 0)
		return error_sys(e, "read the file's size");
	res.bytes = (uint64_t)st.st_size;
	*ret = res;
	return 0;
}
