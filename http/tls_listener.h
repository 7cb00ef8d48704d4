#pragma once

/*
 * tls_listener.h - the inside of the server: strangers come, shake hands, and
 * are handed over as plain sockets.
 *
 * Inside http/ only. libmicrohttpd has TLS of its own, but there the idle
 * time-out and the bound of connections are all that holds slow strangers off,
 * whom to trust is fixed at the start, and what an upgrade hands over is a
 * socket pair anyhow, for which its loop does the forwarding. So it sees plain
 * sockets only, and everything that is done with those works over TLS as well.
 */
#include "http/tls_identity.h"

#include <sys/socket.h>
#include <systemd/sd-event.h>

#define TLS_HANDSHAKES_MAX 128		/* at a time; others wait in the backlog */
#define TLS_HANDSHAKE_SEC 10
#define TLS_HANDSHAKE_CROWDED_SEC 2	/* when so many are under way */

struct tls_listener;

/* A connection: fd is the plain socket, the callee's. */
typedef void (*tls_listener_open_fn)(int fd, const struct sockaddr *addr,
				     socklen_t addr_len, void *userdata);

/* listen_fd is taken, also on failure; the identity is borrowed. */
int tls_listener_new(struct tls_listener **ret, sd_event *event, int listen_fd,
		     struct tls_identity *id, tls_listener_open_fn fn,
		     void *userdata, struct error *e);
/* Move what can be moved over open connections, without the loop. */
void tls_listener_turn(struct tls_listener *l);
/* A last turn, then every connection is cut off. */
struct tls_listener *tls_listener_free(struct tls_listener *l);

/* Who is at the other end of a plain socket that was handed over last by this
 * number: as tls_creds_peer(), owned by the caller. */
void tls_listener_peer(const struct tls_listener *l, int fd, char **ret_name,
		       char **ret_fault);
