#pragma once

/*
 * loop.h - the event loop of a daemon: one sd-event per process.
 *
 * Traps of sd-event that every handler must know: a handler which returns < 0
 * is silently disabled, so return 0 and call sd_event_exit() on purpose; a
 * child source reaps its pid itself, nobody may waitpid(-1).
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct error;

/* New loop; SIGPIPE ignored, SIGTERM and SIGINT blocked and turned into
 * sd_event_exit(0); the number of open files raised to the hard limit. The
 * caller unrefs it. */
int loop_new(sd_event **ret, struct error *e);

/* Tell systemd (if it is there) and the operator that the daemon serves. */
void loop_ready(const char *status);

/* Run until sd_event_exit(); returns its code. */
int loop_run(sd_event *event, struct error *e);

/* A one-shot timer, in microseconds from now; *source is made or re-armed. */
int loop_timer(sd_event *event, sd_event_source **source, uint64_t in_usec,
	       sd_event_time_handler_t fn, void *userdata, const char *what,
	       struct error *e);

/* When a timer of loop_timer() fires, in microseconds since 1970; 0 = never: NULL,
 * or it has fired. */
uint64_t loop_timer_due(sd_event_source *source);

/* The same for what bounds a wait for the kernel or for another process: these
 * are as fast as ever when the clock is scaled (fault.h). */
int loop_deadline(sd_event *event, sd_event_source **source, uint64_t in_usec,
		  sd_event_time_handler_t fn, void *userdata, const char *what,
		  struct error *e);

/* Unref helper for destructors: returns NULL. */
sd_event_source *loop_unref(sd_event_source *source);
