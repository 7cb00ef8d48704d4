#pragma once

/*
 * dynod_wipe.h - takes an instance off the machine: every dyno, every kernel
 * object, every file below run/ that is dynod's or its supervisor's.
 *
 * Idempotent; after a crash in the middle it goes on where it was. Nothing
 * below etc/ and var/lib/ is touched. What the controller and the router have
 * in run/ stays while they have something there.
 */
#include "base/base.h"

struct error;
struct root;
struct runtime;

/* The instance lock is held; its file goes too. *ret_removed = how many dynos
 * were removed. Tries for 30 s, then fails with what stands in the way. */
int dynod_wipe(struct runtime *rt, const struct root *root, size_t *ret_removed,
	       struct error *e);
