#pragma once

/*
 * wire.h - a connection that speaks something else than HTTP: a call made with
 * "wire" connects (and does TLS, certificate checked) as the client does it, and
 * once it is done its bytes are sent and received here. http_call_free() closes it.
 */
#include "base/base.h"

#include <sys/types.h>

struct error;
struct http_call;

/* For the event loop; owned by the call. -1: it is closed already. */
int wire_fd(struct http_call *call);

/* How many bytes were taken; -EAGAIN: none now, come back with the same ones when
 * the socket takes more. */
ssize_t wire_send(struct http_call *call, const void *data, size_t n,
		  struct error *e);

/* How many bytes came; 0 at the end; -EAGAIN: none now. */
ssize_t wire_recv(struct http_call *call, void *data, size_t n, struct error *e);
