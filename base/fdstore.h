#pragma once

/*
 * fdstore.h - descriptors that the service manager passes to a daemon: those of
 * its socket units, and those which an earlier life of the daemon has given it to
 * keep. Thus a listening socket outlives a restart, an upgrade and a crash:
 * who connects in between waits, and is not refused.
 *
 * Without a service manager nothing is kept, and nothing is there.
 */
#include "base/base.h"

/* The descriptor of this name (FileDescriptorName= of a socket unit), close-on-exec
 * and the caller's from now on: ask for each name once. -1: there is none. */
int fdstore_take(const char *name);

/*
 * The same for a listening TCP socket, if it listens on this address and port (0:
 * any); one that does not is closed and kept no longer: the configuration has
 * changed. ret_port may be NULL, and is left alone when there is none.
 */
int fdstore_take_tcp(const char *name, const char *address, uint16_t port,
		     uint16_t *ret_port);

/* Have a copy kept until the service is stopped for good. */
void fdstore_keep(const char *name, int fd);
