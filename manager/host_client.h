#pragma once

/*
 * host_client.h - the supervisor's side of the connection to dynod.
 *
 * Asynchronous: a request returns at once, its callback comes from the loop.
 * When dynod goes away the supervisor ends too (dynod starts a new one):
 * on_lost is called once, and after it nothing is.
 */
#include "base/base.h"
#include "runtime/runtime.h"

#include <systemd/sd-event.h>

struct error;
struct host_client;

/* A dyno as dynod tells it. Descriptors are owned by the callee. */
struct host_dyno {
	const char *uuid;
	bool alive;
	pid_t pid;
	struct in_addr address;
	uint64_t started_usec;
	enum dyno_stdio stdio;
	int fds[DYNO_FD_COUNT];		/* -1 = none */
	struct dyno_exit exit;		/* when not alive */
};

struct host_client_ops {
	void (*on_hello)(const char *prefix, void *userdata);
	void (*on_adopt)(struct host_dyno *d, void *userdata);
	void (*on_ready)(void *userdata);
	void (*on_exit)(const char *uuid, const struct dyno_exit *exit,
			void *userdata);
	void (*on_lost)(const char *why, void *userdata);
};

int host_client_new(struct host_client **ret, sd_event *event, int fd,
		    const struct host_client_ops *ops, void *userdata,
		    struct error *e);
struct host_client *host_client_free(struct host_client *c);

/* r == 0: d is the running dyno. r < 0: message says which step failed. */
typedef void (*host_started_fn)(int r, const char *message, struct host_dyno *d,
				void *userdata);
typedef void (*host_done_fn)(int r, const char *message, void *userdata);

int host_client_start(struct host_client *c, const struct dyno_spec *spec,
		      host_started_fn fn, void *userdata, struct error *e);
/* fn may be NULL in these. */
int host_client_signal(struct host_client *c, const char *uuid, int sig,
		       host_done_fn fn, void *userdata, struct error *e);
int host_client_kill(struct host_client *c, const char *uuid,
		     host_done_fn fn, void *userdata, struct error *e);
int host_client_remove(struct host_client *c, const char *uuid,
		       host_done_fn fn, void *userdata, struct error *e);
