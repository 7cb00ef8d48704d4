#pragma once

/*
 * tls_conn.h - a TLS server connection in the event loop, record by record.
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct error;
struct tls_conn;
struct tls_creds;

struct tls_conn_events {
	/* The handshake is done. */
	void (*on_ready)(struct tls_conn *c, void *userdata);
	void (*on_data)(struct tls_conn *c, const void *data, size_t n,
			void *userdata);
	/* The last record has left: another may be written. */
	void (*on_written)(struct tls_conn *c, void *userdata);
	/* End or failure; only tls_conn_free() is left. */
	void (*on_closed)(struct tls_conn *c, void *userdata);
};

/* fd is non-blocking and taken in every case; creds: a server's, it gets a
 * reference of its own; protocol: offered by ALPN. */
int tls_conn_new(struct tls_conn **ret, sd_event *event, int fd,
		 struct tls_creds *creds, const char *protocol,
		 const struct tls_conn_events *events, void *userdata,
		 struct error *e);
/* Also inside its own events. Returns NULL. */
struct tls_conn *tls_conn_free(struct tls_conn *c);

/* Send up to 16 KiB as one record. Not while tls_conn_busy(). */
void tls_conn_write(struct tls_conn *c, const void *data, size_t n);
bool tls_conn_busy(const struct tls_conn *c);

/* Stop reading, or go on. A peer that closes meanwhile is on_closed. */
void tls_conn_pause(struct tls_conn *c, bool on);

/* From on_ready on: the peer wants the protocol that was offered. */
bool tls_conn_agreed(const struct tls_conn *c);

/* Records do not matter any more: go on as a plain, non-blocking socket, the caller's,
 * behind which the connection lives by itself until either side closes. Not while
 * tls_conn_busy(). Whether it fails or not, only tls_conn_free() is left. */
int tls_conn_plain(struct tls_conn *c, struct error *e);

/* close_notify and end of our side; what still comes is read. */
void tls_conn_bye(struct tls_conn *c);
