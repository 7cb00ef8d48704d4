#pragma once

/*
 * host.h - calls of the supervisor of this machine, on host.sock.
 *
 * Whose: --root DIR, else DYNO_ROOT, else the system's.
 */
#include "base/base.h"

#include <jansson.h>

struct buf;
struct cli;
struct error;

/* body: the reference is taken, NULL = none. *ret is a new reference. */
int host_call(struct cli *cli, const char *method, const char *path, json_t *body,
	      json_t **ret, struct error *e);

/* GET of what is no JSON; appends to *ret. */
int host_text(struct cli *cli, const char *path, struct buf *ret, struct error *e);
