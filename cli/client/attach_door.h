#pragma once

/*
 * attach_door.h - by which door we come to a dyno: the rendezvous port that its
 * attach_url names, or an upgrade of the API.
 *
 * The port is TLS and has to show a certificate that the API's CAs have signed; one
 * that is not good is the end. Where nobody is at that address, or who is there speaks
 * no frames, and where there is no telling whom to trust (the API is a unix socket, or
 * plain HTTP without a CA), the dyno is reached through the API. The door that was
 * found is kept for all later connections. Both carry the same frames.
 */
#include "base/buf.h"

struct cli;
struct error;

struct attach_door {
	struct cli *cli;
	const char *url;		/* the dyno's attach_url; borrowed, may be NULL */
	enum { ATTACH_DOOR_UNKNOWN, ATTACH_DOOR_PORT, ATTACH_DOOR_API } kind;
};

/* Connect, or connect again: as attach_connect_fn (attach_link.h). EACCES: the port's
 * certificate is not good. */
int attach_door_connect(struct attach_door *d, int *ret_fd, struct buf *early,
			struct error *e);
