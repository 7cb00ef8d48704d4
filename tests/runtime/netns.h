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

typedef int (*netns_fn)(const void *arg);
int netns_call(const struct netns *ns, netns_fn fn, const void *arg);

/* Run a program (words in one string, split at blanks) in the namespace, or
 * here if ns is NULL. Returns its exit status. */
int netns_run(const struct netns *ns, const char *command);

/* A TCP server that answers every connection with the client's address, for
 * as long as the test runs; ns NULL = here. Returns its pid. */
pid_t netns_serve(const struct netns *ns, const char *address, uint16_t port);
void netns_kill(pid_t pid);

/* Connect from the namespace (NULL = here): 0, and what the server said in
 * out, or the errno; ETIMEDOUT after a second. source NULL = any. */
int netns_connect(const struct netns *ns, const char *source,
		  const char *address, uint16_t port, char out[INET_ADDRSTRLEN]);
