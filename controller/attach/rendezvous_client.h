#pragma once

/*
 * rendezvous_client.h - inside of rendezvous.h: a client of raw bytes, from its secret
 * (rendezvous.c) to its end.
 */
#include "base/buf.h"
#include "base/list.h"
#include "controller/attach/attach.h"
#include "controller/attach/rendezvous.h"

struct tls_conn;
struct tls_identity;

#define RENDEZVOUS_HELLO "rendezvous\r\n"
#define RENDEZVOUS_DRAIN_USEC (5 * USEC_PER_SEC)

struct rendezvous {
	sd_event *event;		/* borrowed */
	struct attach_hub *hub;		/* borrowed */
	int listen_fd;
	sd_event_source *accept;
	struct tls_identity *id;	/* borrowed */
	struct list clients;
	size_t strangers;
};

enum rendezvous_stage {
	CLIENT_SECRET,			/* handshake, then the secret's line */
	CLIENT_ATTACHED,
	CLIENT_FLUSH,			/* the dyno has ended: send what waits, */
	CLIENT_LINGER,			/* wait for a sign of the client, */
	CLIENT_DRAIN,			/* read until it closes */
};

struct rendezvous_client {
	struct attach_peer peer;	/* when attached */
	struct list link;
	struct rendezvous *rv;
	bool stranger;			/* it has not shown a good secret */
	struct tls_conn *conn;
	enum rendezvous_stage stage;
	sd_event_source *timer;		/* of the stage */
	sd_event_source *hold;		/* a marked line is not complete */
	struct buf line, out;
	bool tty;
	bool script;			/* it knows no window: it prints to no terminal */
	bool heard;			/* it has sent something since */
	bool greeted;			/* the first line has left */
};

void rendezvous_client_free(struct rendezvous_client *cl);
/* The stage lasts so long at most. */
void rendezvous_client_arm(struct rendezvous_client *cl, uint64_t usec);

/* It has shown its secret: greet it, and give it to the hub. */
void rendezvous_client_attach(struct rendezvous_client *cl,
			      const struct attach_ticket *ticket);
/* It stays a stranger: say this line, then close. */
void rendezvous_client_refuse(struct rendezvous_client *cl, const char *line);

/* What comes of its connection; data: behind the secret's line. */
void rendezvous_client_data(struct rendezvous_client *cl, const void *data, size_t n);
void rendezvous_client_written(struct rendezvous_client *cl);
void rendezvous_client_closed(struct rendezvous_client *cl);
