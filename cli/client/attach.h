#pragma once

/*
 * attach.h - our standard streams joined to an attached dyno's.
 *
 * With a terminal: raw mode from the moment the command runs, all keys are
 * bytes, the window's size follows ours. Without: bytes in, bytes out, the end
 * of our input is the end of the dyno's, SIGINT, SIGTERM and SIGQUIT go to the
 * dyno and a second SIGINT ends us.
 */
#include "cli/client/attach_link.h"

struct error;

struct attach_spec {
	attach_connect_fn connect;	/* at first, and when the connection is lost */
	bool tty;
	void (*on_running)(void *userdata);	/* the command has started */
	void *userdata;			/* of both */
};

/* 0: *ret_status is the command's (128 + signal if one ended it, or us).
 * < 0: it could not be run, or the connection was lost for longer than we are waited
 * for. The terminal is as
 * before in any case, and all output that came has been written. */
int attach_run(const struct attach_spec *spec, int *ret_status,
	       struct error *e);
