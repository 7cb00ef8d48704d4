#pragma once

/*
 * port.h - is $PORT listened on? Read from the tables of sockets that the
 * kernel shows of a dyno's network namespace; nobody connects to the app.
 */
#include "base/base.h"

#include <netinet/in.h>

struct error;

#define PORT_TABLE_MAX 65536		/* bytes read: listeners come first */

/* text is /proc/net/tcp (or tcp6): true if a socket listens on port at the
 * wildcard address or at "address". Loopback does not count: no router could
 * reach it. */
bool port_in_table(const char *text, uint16_t port, struct in_addr address);

/* proc_fd: directory /proc/PID of a process in the namespace. Returns 1 when
 * it listens, 0 when not; fails when the process is gone. */
int port_is_bound(int proc_fd, uint16_t port, struct in_addr address,
		  struct error *e);

/* A random port within min..max. */
uint16_t port_choose(uint16_t min, uint16_t max);
