#pragma once

/*
 * desired_dir.h - the directory in which an operator says what shall run here, and
 * reads what came of it. There is no upstream then.
 *
 *   new		put there by a rename: what is wanted from now on (desired.h)
 *   loaded		what was wanted last; it is wanted again after a restart
 *   rejected	what could not be used, and
 *   last_error	why not; both go when something is loaded
 *   taken		being read
 *
 * The service user has to be able to write there.
 */
#include "base/base.h"

struct desired_dir;
struct error;
struct supervisor;

/* Watches s->conf.desired_dir; what is there is loaded at once. */
int desired_dir_new(struct desired_dir **ret, struct supervisor *s, struct error *e);
struct desired_dir *desired_dir_free(struct desired_dir *d);
