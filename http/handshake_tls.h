#pragma once

/*
 * handshake_tls.h - TLS for a program without an event loop: a child process
 * stands between the connection and a plain socket.
 *
 * The child is nobody's to wait for; it ends by itself when either side closes, after
 * it has sent what was written last.
 */
#include "http/tls_creds.h"

struct handshake_tls {
	const char *host;		/* whom it has to be; of a dial: ignored */
	const char *protocol;		/* ALPN that it has to agree to; NULL: any */
	uint64_t deadline;		/* monotonic usec */
	struct tls_creds_spec creds;
};

/* fd: connected; taken. Returns the plain socket, non-blocking. EACCES: its certificate
 * is not good; EPROTONOSUPPORT: it does not know the protocol. */
int handshake_tls(int fd, const struct handshake_tls *spec, struct error *e);

/* The same with authority, "host:port", which is connected to first. ETIMEDOUT,
 * ECONNREFUSED and their like: there is nobody; EPROTO: somebody else. */
int handshake_tls_dial(const char *authority, const struct handshake_tls *spec,
		       struct error *e);
