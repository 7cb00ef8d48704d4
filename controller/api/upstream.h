#pragma once

/*
 * upstream.h - the edge towards worker hosts. Its routes are in
 * api_handlers.h.
 */
#include "base/base.h"

struct http_request;

/* Answers a host that waits for its list: a long_poll_fn, key is the host. */
bool upstream_answer(struct http_request *req, const char *key, uint64_t after,
		     bool last, void *userdata);
