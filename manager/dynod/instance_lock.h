#pragma once

/*
 * instance_lock.h - one dynod per root: a lock on <run>/dynod.lock, held as
 * long as the descriptor is open. Ends with the process, however it ends.
 */
#include "base/base.h"

struct error;
struct root;

/* Returns the descriptor: that which the program that has executed this one left,
 * or a new one. EBUSY: another dynod has it. Waits up to 1 s for one that is ending
 * (a child between clone and exec holds a copy). */
int instance_lock(const struct root *root, struct error *e);

/* Keep it locked through execve(), for the same process as another program; and
 * back, when that has failed. */
void instance_lock_leave(int fd);
void instance_lock_resume(int fd);

/* Remove the file while the lock is held. */
void instance_lock_remove(const struct root *root);
