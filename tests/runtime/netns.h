#pragma once

/*
 * netns.h - network namespaces for tests, and what to do inside them.
 *
 * A namespace is held by a sleeping child process. A function of a test runs
 * inside by a child that enters it; its return value (0..100) comes back.
 */
#include "base/base.h"

#include <netinet/in.h>
#include <sys/types.h>

struct netns {
	pid_t pid;
	int ns_fd;
};

void netns_open(struct netns *ns);
void netns_close(struct netns *ns);

/* A child that ends with the test; and to go into a namespace (NULL: stay) from
 * there. */
pid_t netns_fork(void);
void netns_enter(const struct netns *ns);

typedef int (*netns_fn)(const void *arg);
int netns_call(const struct netns *ns, netns_fn fn, const void *arg);
/* The same in two steps. */
pid_t netns_begin(const struct netns *ns, netns_fn fn, const void *arg);
int netns_end(pid_t pid);

/* Run a program (words in one string, split at blanks) in the namespace, or
 * here if ns is NULL. Returns its exit status. */
int netns_run(const struct netns *ns, const char *command);

/* A TCP server that answers every connection with the client's address, for
 * as long as the test runs; ns NULL = here. Returns its pid. */
pid_t netns_serve(const struct netns *ns, const char *address, uint16_t port);
void netns_kill(pid_t pid);

/* The same by UDP: sends every datagram back. */
pid_t netns_serve_udp(const struct netns *ns, const char *address, uint16_t port);

/* Connect from the namespace (NULL = here): 0, and what the server said in
 * out, or the errno; ETIMEDOUT after a second. source NULL = any. */
int netns_connect(const struct netns *ns, const char *source,
		  const char *address, uint16_t port, char out[INET_ADDRSTRLEN]);

/* Send a datagram, or a ping, and wait a moment for its answer: 0 or errno. */
int netns_ask_udp(const struct netns *ns, const char *source,
		  const char *address, uint16_t port);
int netns_ping(const struct netns *ns, const char *address);

/* All three ways at once: NULL, or the name of one that was answered. */
const char *netns_try(const struct netns *ns, const char *address, uint16_t port);
