#pragma once

/*
 * host_client.h - the supervisor's side of the connection to dynod.
 *
 * Asynchronous: a request returns at once, its callback comes from the loop,
 * in the order of the requests. When dynod goes away the supervisor ends too
 * (dynod starts a new one): on_lost is called once, and after it nothing is.
 *
 * Order of calls: on_hello, on_adopt for each dyno on record, on_ready, then
 * on_exit at any time. A dyno that has ended is on record, and will be told
 * again by on_adopt to the next supervisor, until it is removed. No callback
 * comes from inside a function of this header; any may free the client.
 */
#include "base/base.h"
#include "runtime/runtime.h"

#include <systemd/sd-event.h>

struct error;
struct host_client;

/* A dyno as dynod tells it; valid during the callback. Descriptors that the
 * callee wants to keep it takes: take_fd(d->fds[DYNO_FD_OUT]); those left are
 * closed after the callback. */
struct host_dyno {
	const char *uuid;
	bool alive;
	pid_t pid;			/* 0 when not alive */
	struct in_addr address;
	uint64_t started_usec;
	enum dyno_stdio stdio;
	int fds[DYNO_FD_COUNT];		/* -1 = none */
	struct dyno_exit exit;		/* when not alive */
	const char *trace;		/* of its start: lines "stage usec"; or NULL */
};

struct host_client_ops {
	void (*on_hello)(const char *prefix, void *userdata);
	void (*on_adopt)(struct host_dyno *d, void *userdata);
	void (*on_ready)(void *userdata);
	void (*on_exit)(const char *uuid, const struct dyno_exit *exit,
			void *userdata);
	/* The kernel has killed in a living dyno for want of memory. */
	void (*on_memory)(const char *uuid, const struct dyno_usage *usage,
			  void *userdata);
	void (*on_lost)(const char *why, void *userdata);
};

/* fd: HOST_FD, as inherited; belongs to the client once this succeeds. ops is
 * borrowed for the life of the client, all of it is set. */
int host_client_new(struct host_client **ret, sd_event *event, int fd,
		    const struct host_client_ops *ops, void *userdata,
		    struct error *e);
/* Callbacks of unanswered requests are not called. */
struct host_client *host_client_free(struct host_client *c);
DEFINE_AUTO(struct host_client, host_client_free)

/* r == 0: d is the running dyno, message is "". r < 0 (-errno): nothing was
 * left behind, message says which step failed, d is NULL. -ENOENT: the slug is
 * not unpacked. -EEXIST: the uuid is on record. -ENOSPC: DYNOS_MAX. */
typedef void (*host_started_fn)(int r, const char *message, struct host_dyno *d,
				void *userdata);
typedef void (*host_done_fn)(int r, const char *message, void *userdata);
/* usage is NULL on failure. */
typedef void (*host_used_fn)(int r, const char *message,
			     const struct dyno_usage *usage, void *userdata);

/* The session of dyno_inside(): the callee may take *session. It is NULL on failure. */
typedef void (*host_entered_fn)(int r, const char *message, int *session,
				void *userdata);

/*
 * All of them: fn may be NULL; what is passed is copied, the lease_fd as well.
 * Fail at once, and without a callback, with E2BIG (does not fit in a message), ENOBUFS (dynod
 * does not read) or EPIPE (it is gone; on_lost follows).
 */
int host_client_start(struct host_client *c, const struct dyno_spec *spec,
		      host_started_fn fn, void *userdata, struct error *e);
/* A dyno that has ended already is not an error; one not on record is -ENOENT. */
int host_client_signal(struct host_client *c, const char *uuid, int sig,
		       host_done_fn fn, void *userdata, struct error *e);
int host_client_kill(struct host_client *c, const char *uuid,
		     host_done_fn fn, void *userdata, struct error *e);
/* After on_exit, or on_adopt not alive; -EBUSY while the dyno lives. Not on
 * record = done. Another failure: something is stuck; ask again later. */
int host_client_remove(struct host_client *c, const char *uuid,
		       host_done_fn fn, void *userdata, struct error *e);
/* What it uses now; -ESRCH: it has ended. */
int host_client_usage(struct host_client *c, const char *uuid, host_used_fn fn,
		      void *userdata, struct error *e);
/* Run a command inside of the living dyno spec->uuid; of the spec the host name (any
 * UUID), argv, envp, stdio (PIPES or PTY), rows and cols count. -EOPNOTSUPP: it was
 * started by an older version. -ENOENT, -ESRCH: it is not there any more. */
int host_client_inside(struct host_client *c, const struct dyno_spec *spec,
		       host_entered_fn fn, void *userdata, struct error *e);
