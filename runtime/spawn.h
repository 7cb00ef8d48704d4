#pragma once

/*
 * spawn.h - start a planned child and learn whether it came up.
 *
 * spawn_clone(), then whatever the parent does for it, with spawn_go() twice
 * (ids are mapped; the network is attached), then spawn_wait(). At any failure
 * spawn_abort(): no process is left.
 */
#include "base/base.h"
#include "runtime/child.h"

#include <sys/types.h>

struct error;

#define SPAWN_DEADLINE_MSEC 20000	/* runtime.h says so, in seconds */

struct spawn {
	pid_t pid;
	int pid_fd;			/* readable when it is gone */
	int go_fd, report_fd;
};

#define SPAWN_INIT ((struct spawn){ 0, -1, -1, -1 })

/* With plan->by_host, before spawn_clone(): a helper builds the layers, which go
 * to fds->stage. No process is left, whatever happens. */
int spawn_layers(const struct plan *plan, struct child_fds *fds,
		 struct error *e);

/* Clone (through a helper if there are namespaces to join), and map the ids of a
 * new user namespace. fds->go and ->report are set here. */
int spawn_clone(struct spawn *ret, const struct plan *plan,
		struct child_fds *fds, struct error *e);
int spawn_go(struct spawn *s, struct error *e);

enum {
	SPAWN_EXECUTED,		/* end of file on the report pipe: it runs */
	SPAWN_TERMINAL,		/* the terminal's master is *ret_fd */
	SPAWN_LISTENER,		/* the listener of its filter is *ret_fd */
	SPAWN_CALLS,		/* for hooks of the host; spawn_go() lets it on */
	SPAWN_WAITS,		/* for the start, at the listening socket */
};

/* Wait for the next thing that the child tells. A failure of the child comes back
 * in words, with the culprit's name. */
int spawn_next(struct spawn *s, const struct plan *plan, int *ret_fd,
	       struct error *e);

/* Until it is executed. With a terminal its master goes to *ret_master, which may
 * be set on failure too. */
int spawn_wait(struct spawn *s, const struct plan *plan, int *ret_master,
	       struct error *e);

/* Whether spawn_wait() would tell of a failure at once. */
bool spawn_has_report(const struct spawn *s);

/* EIO: "error running hook PATH: exit status 1"; what the child reported of one
 * that it ran itself. */
int spawn_tell_hook(const char *path, int status, struct error *e);

/* Kill and reap; closes all descriptors. */
void spawn_abort(struct spawn *s);
/* The same for who cannot wait: a process that the kernel holds is left to whoever
 * has its pid on record. */
void spawn_abandon(struct spawn *s);
