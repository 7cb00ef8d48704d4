#pragma once

/*
 * init_session.h - inside of dyno-init: commands that are started on request
 * (init.h), beside the dyno's own.
 *
 * A session is a socket to who wants the command (struct dyno_session). While it is
 * open the command can be signalled; when it is closed, the command gets SIGHUP.
 */
#include "runtime/init.h"
#include "runtime/runtime.h"

#include <poll.h>

#define INIT_EXIT_USAGE 125

struct init_session {
	pid_t pid;			/* 0 = none */
	int fd;
};

struct init_sessions {
	struct init_session v[DYNO_SESSIONS_MAX];
};

/* What poll() has to look at, one for each of DYNO_SESSIONS_MAX, and what to do
 * with what it has found. */
void init_sessions_watch(const struct init_sessions *all, struct pollfd *p);
void init_sessions_hear(struct init_sessions *all, const struct pollfd *p);

/* There is a request; it is refused unless the dyno is open for such. In the
 * child it does not return. */
void init_sessions_serve(struct init_sessions *all, int control, bool open);

/* This child has ended: if it is one of a session, that is told. */
void init_sessions_reaped(struct init_sessions *all, pid_t pid, int wstatus);

/* To the process groups of all. */
void init_sessions_signal(struct init_sessions *all, int sig);

/* ---- init.c ---- */
/* In a new child, with its streams in place: becomes the command. */
_Noreturn void init_exec(char *const *argv, char *const *envp, bool tty);
/* 0..255, or 128 + signal. */
int init_status(int wstatus);

/* Moves a descriptor above all numbers that are assigned; negative values pass
 * through. Returns it, or -errno. */
int init_lift(long fd);
