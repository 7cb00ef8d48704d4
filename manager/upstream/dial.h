#pragma once

/*
 * dial.h - a connection to upstream that turns into a raw stream: connect, through
 * a proxy if there is one, by TLS if it is https; "GET path" with "Upgrade:
 * protocol", wait for 101. Never blocks. Of several addresses each is tried that does
 * not let itself be connected to.
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct dial;
struct error;
struct http_client_spec;

struct dial_spec {
	const struct http_client_spec *upstream;	/* borrowed: base, token,
							 * certificates, proxy */
	const char *path;
	const char *protocol;
};

struct dial_result {
	int status;			/* of the answer; 0 = there was none */
	const char *message;		/* why not; "" on success */
	int fd;				/* 101: the socket, owned by the callee */
	const char *early;		/* bytes that came behind the head */
	size_t n_early;
};

/* fn is called once, from the loop; it may free the dial. Without an answer
 * within 10 s it fails. */
int dial_new(struct dial **ret, sd_event *event, const struct dial_spec *spec,
	     void (*fn)(const struct dial_result *res, void *userdata),
	     void *userdata, struct error *e);
struct dial *dial_free(struct dial *d);
DEFINE_AUTO(struct dial, dial_free)
