#pragma once

/*
 * unpack_image.h - unpack_run() for a slug that is an image (image.h).
 */
#include "base/base.h"
#include "slugstore/unpack/unpack.h"

int unpack_image(const struct inflate_source *src, enum image_kind kind,
		 struct unpack_result *ret, struct error *e);
