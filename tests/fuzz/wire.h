#pragma once

/*
 * wire.h - a client's end of a connection to the rendezvous port, record by record:
 * over TLS (wire_tls.c), or over packets that take the place of its records
 * (wire_plain.c, which stands in for tls_conn.c). One connection at a time.
 */
#include "base/buf.h"

#include <systemd/sd-event.h>

#define WIRE_RECORD_MAX 16384

struct tls_identity;

/* What the port shows; made once. */
struct tls_identity *wire_identity(void);
/* A listening socket for the port, the caller's; the next wire_connect() comes there. */
int wire_listen(void);

/* wire_socket.c: a connection to there, of the wire's type. */
extern const int wire_socket_type;
int wire_socket_connect(void);

/* Connect and shake hands; frames: ask for them. */
void wire_connect(sd_event *event, bool frames);
/* Send a record; n > 0. false: it cannot be sent (any more). */
bool wire_send(const char *data, size_t n);
/* Receive a record, appended. 0: none yet. < 0: the end. */
ssize_t wire_receive(struct buf *ret);
/* No more is sent; what comes can be read. */
void wire_half_close(void);
void wire_close(void);
