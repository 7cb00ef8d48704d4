#pragma once

/*
 * fake_runtime.h - runtime.h's functions without namespaces: a dyno is a plain
 * child process of the test. So dynod's logic is tested without root.
 */
#include "runtime/runtime.h"

struct runtime *fake_runtime_new(void);

/* Put a dyno on record as if an earlier process had started it. argv NULL: it
 * has ended, with the given status. */
void fake_runtime_record(struct runtime *rt, const char *uuid,
			 char *const *argv, int status);

/* Let calls fail with EIO from now on. */
struct fake_failures {
	bool adopt, remove, exit;
	unsigned busy;			/* so many runtime_remove() of a record are EBUSY */
};
struct fake_failures *fake_runtime_failures(struct runtime *rt);

/* What dyno_usage() tells from now on, and make the kernel kill in it: the event
 * of dyno_watch_memory(). */
struct dyno_usage *fake_runtime_usage(struct runtime *rt);
void fake_runtime_kill_in(struct dyno *d);

/* Inode of the lease in the last spec, 0: it had none. */
ino_t fake_runtime_lease(const struct runtime *rt);

size_t fake_runtime_count(const struct runtime *rt);	/* on record */
