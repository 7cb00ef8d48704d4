#pragma once

/*
 * tls_pipe.h - TLS outside, a plain socket inside: a connection as the end of a
 * socket pair, for whoever knows nothing of TLS.
 *
 * Bytes go both ways with at most 16 KiB of either waiting here. An end of input
 * goes through in both directions, one by one (close_notify), and so does a
 * connection that breaks: both directions end at once then.
 */
#include "http/tls_creds.h"

#include <systemd/sd-event.h>

struct tls_pipe;

struct tls_pipe_spec {
	sd_event *event;
	int fd;				/* non-blocking socket; taken, also on failure */
	struct tls_creds *creds;	/* gets a reference of its own */
	const char *host;		/* client: whom it has to be, see tls_creds.h */
	const char *protocol;		/* ALPN, as there */
	/* NULL, or one of these creds whose handshake over fd is done; taken, also on
	 * failure. There is no on_ready then: open it at once. */
	gnutls_session_t session;
	/* The handshake is done; may free the pipe. */
	void (*on_ready)(struct tls_pipe *p, void *userdata);
	/* It is over; only tls_pipe_free() is left. e: what went wrong, or NULL
	 * at the ordinary end. */
	void (*on_end)(struct tls_pipe *p, const struct error *e, void *userdata);
	void *userdata;
};

/* Begins the handshake. It has no time-out: that is the caller's. */
int tls_pipe_new(struct tls_pipe **ret, const struct tls_pipe_spec *spec,
		 struct error *e);
/* Cuts the connection off. Allowed in its own events. Returns NULL. */
struct tls_pipe *tls_pipe_free(struct tls_pipe *p);
DEFINE_AUTO(struct tls_pipe, tls_pipe_free)

/* Once, in or after on_ready: the plain end, non-blocking, the caller's. When
 * it is closed, what was written to it is sent, then the connection ends. */
int tls_pipe_open(struct tls_pipe *p, struct error *e);

/* After tls_pipe_open(): it is nobody's any more, and goes when it is over, or with
 * the event loop's exit. There is no on_end after that. */
void tls_pipe_detach(struct tls_pipe *p);

/* Move what can be moved, without the loop; it may be over after that. */
void tls_pipe_turn(struct tls_pipe *p);

/* For tls_creds_peer(). */
gnutls_session_t tls_pipe_session(const struct tls_pipe *p);
