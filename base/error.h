#pragma once

/*
 * error.h - how failure travels.
 *
 * A function that can fail returns int: 0 on success, a positive outcome that
 * its header names, or -errno on failure; it takes a "struct error *e" last.
 * On failure it has filled *e; on success it has not touched it. The struct
 * lives on the caller's stack: no allocation, nothing to free. e may be NULL.
 *
 * The place which detects the failure writes the message and names the object
 * ("open /srv/slugs/ab12.tgz"). A public function of a folder may prefix what
 * it was asked to do ("start web.1"). Nobody else touches it. Only main(), the
 * event handlers and the API edge log or print an error. Messages begin in
 * lower case and end without a full stop.
 */
#include "base/base.h"

#define ERROR_MSG_MAX 512

struct error {
	int code;			/* positive errno */
	char msg[ERROR_MSG_MAX];
};

/* Record a failure without a system error text; code > 0. Returns -code. */
int error_set(struct error *e, int code, const char *fmt, ...) PRINTF(3, 4);

/* Record errno: "fmt...: strerror"; returns -errno. */
int error_sys(struct error *e, const char *fmt, ...) PRINTF(2, 3);

/* Record a negative errno that a library returned; returns r. */
int error_ret(struct error *e, int r, const char *fmt, ...) PRINTF(3, 4);

/* Put "fmt...: " in front if r < 0; returns r. Dropped if it would not fit. */
int error_prefix(struct error *e, int r, const char *fmt, ...) PRINTF(3, 4);
