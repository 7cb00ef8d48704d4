#pragma once

/*
 * handshake_tls.h - TLS for a program without an event loop: a child process
 * stands between the connection and a plain socket.
 *
 * Inside http/ only. The child is nobody's to wait for; it ends by itself when
 * either side closes, after it has sent what was written last.
 */
#include "http/tls_creds.h"

struct handshake_tls {
	const char *host;		/* whom it has to be */
	uint64_t deadline;		/* monotonic usec */
	struct tls_creds_spec creds;
};

/* fd: connected; taken. Returns the plain socket, non-blocking. */
int handshake_tls(int fd, const struct handshake_tls *spec, struct error *e);
