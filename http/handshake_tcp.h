#pragma once

/*
 * handshake_tcp.h - connect to a name within a time, for a program without an event
 * loop. Inside http/ only.
 */
#include "base/base.h"

struct error;

/* authority: "host", "host:port" or "[address]:port"; what stands behind a slash is
 * ignored. Every address of the name is tried until the deadline (monotonic). Returns
 * a non-blocking socket; *ret_host is the name or address alone, the caller's, also on
 * failure. */
int handshake_tcp(const char *authority, const char *port, uint64_t deadline,
		  char **ret_host, struct error *e);

/* Wait until fd is ready for events, or look again. ETIMEDOUT: name was too slow. */
int handshake_poll(int fd, short events, uint64_t deadline, const char *name,
		   struct error *e);
