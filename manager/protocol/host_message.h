#pragma once

/*
 * host_message.h - the bytes of host_proto.h's messages: pure, no descriptors.
 *
 * What may stand in a message of which type is one table in host_message.c.
 * Decoding checks all of it, so that whoever gets a packet needs no check of
 * form: strings are as many as the type has, a uuid is a uuid, a slug is "" or
 * a SHA-256, serials, signals and enumerations are in range.
 */
#include "manager/protocol/host_proto.h"

struct buf;
struct error;

enum host_side { HOST_DYNOD, HOST_SUPERVISOR };

struct host_packet {
	struct host_message head;
	/* Borrowed from the bytes. Of HOST_START and HOST_INSIDE: uuid, hostname, slug, argv,
	 * NULL, envp, NULL. */
	char *strings[HOST_STRINGS_MAX + 2];
};

/* "start"; "unknown" for a number that is none. */
const char *host_message_name(uint32_t type);

/* Append a message: head and its head->n_strings strings. E2BIG: it would
 * exceed HOST_MESSAGE_MAX; out is unchanged then. */
int host_message_encode(struct buf *out, const struct host_message *head,
			const char *const *strings, struct error *e);

/* Append a HOST_START or HOST_INSIDE; with a slug and a lease_fd it announces that
 * one. E2BIG: too long, or too many strings. */
int host_message_encode_spec(struct buf *out, enum host_type type, uint32_t serial,
			     const struct dyno_spec *spec, struct error *e);

/* Read a message that came from the given side with n_fds descriptors. The
 * packet points into data. EBADMSG: it is not one, see the message. */
int host_message_decode(char *data, size_t n, size_t n_fds, enum host_side from,
			struct host_packet *ret, struct error *e);

/* The spec of a decoded HOST_START or HOST_INSIDE; points into the packet. Its lease_fd is -1:
 * descriptors are not in the bytes. */
void host_message_spec(struct host_packet *p, struct dyno_spec *ret);
