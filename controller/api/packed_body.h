#pragma once

/*
 * packed_body.h - bodies of requests that may come with "Content-Encoding: gzip".
 */
#include "base/base.h"

struct buf;
struct error;
struct http_request;

/*
 * The body as it was before it was packed: *ret, *ret_n lives as long as the request
 * and *plain. Outcomes: BAD_ENCODING, TOO_LARGE (more than max bytes),
 * BAD_REQUEST (damaged).
 */
int packed_body(struct http_request *req, size_t max, struct buf *plain,
		const char **ret, size_t *ret_n, struct error *e);
