#pragma once

/*
 * rendezvous.h - the TLS port at which clients attach: they send the secret and a
 * newline, and are answered "rendezvous". Then raw bytes go both ways, as the heroku
 * command has it, and become frames for the attach hub in here, and back; or frames as
 * they are, with a client that asks for ATTACH_PROTOCOL by ALPN.
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct attach_hub;
struct error;
struct rendezvous;
struct tls_identity;

#define RENDEZVOUS_STRANGERS_MAX 64	/* that have not shown their secret */
#define RENDEZVOUS_SECRET_SEC 10	/* within which they must */

/* listen_fd is taken; the identity is borrowed, see http/tls_identity.h. */
int rendezvous_new(struct rendezvous **ret, sd_event *event, int listen_fd,
		   struct attach_hub *hub, struct tls_identity *id,
		   struct error *e);
struct rendezvous *rendezvous_free(struct rendezvous *rv);
