#pragma once

/*
 * inside.h - a command inside of a running dyno, as its client's side sees it: the
 * session with that dyno's dyno-init (struct dyno_session).
 *
 * Order: on_started or on_failed, and after on_started at last on_ended. Whoever
 * frees it before that, or dies, hangs the command up.
 */
#include "base/base.h"
#include "runtime/runtime.h"

#include <systemd/sd-event.h>

struct error;
struct inside;

struct inside_ops {
	/* Takes what it wants out of fds: PTY: OUT is the master; PIPES: all. */
	void (*on_started)(int fds[DYNO_FD_COUNT], void *userdata);
	void (*on_failed)(const char *why, void *userdata);
	/* Status 0..255, or 128 + signal. Ended along with its dyno: 128 + SIGKILL. */
	void (*on_ended)(int status, void *userdata);
};

/* session: of dyno_inside(); taken if this succeeds. ops is borrowed, all set; the
 * callbacks come from the loop, and may free the object. */
int inside_new(struct inside **ret, sd_event *event, int session,
	       enum dyno_stdio stdio, const struct inside_ops *ops, void *userdata,
	       struct error *e);
struct inside *inside_free(struct inside *in);

/* To the command's process group; one that has ended is no error. */
int inside_signal(struct inside *in, int sig, struct error *e);
