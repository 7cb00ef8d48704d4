#pragma once

/*
 * drain.h - does this host take dynos? The operator's word, kept on disk.
 *
 * Nothing of it ever comes from a daemon's start or end: a host that is open
 * stays open, one that is drained stays drained, over restarts and reboots,
 * until the operator says otherwise.
 */
#include "base/base.h"

struct error;

enum drain_mode {
	DRAIN_OPEN,
	DRAIN_DRAINING,		/* no new dynos; those that are here live on */
	DRAIN_STOPPED,		/* no dynos at all */
	DRAIN_MODE_COUNT
};

struct drain {
	enum drain_mode mode;
	int64_t deadline;	/* DRAINING: real usec when it becomes STOPPED; 0 =
				 * never */
};

/* "open", "draining", "stopped". */
const char *drain_mode_name(enum drain_mode mode);

/* How many of the n assignments count. */
size_t drain_wanted(const struct drain *d, size_t n);

/* May a dyno be made? in_place: it takes the place of one that is here: a
 * restart, a release, the daily cycle. */
bool drain_admits(const struct drain *d, bool in_place);

/* The time is over: becomes STOPPED and returns true. */
bool drain_expire(struct drain *d, int64_t now);

/* Microseconds until then; UINT64_MAX = never. */
uint64_t drain_left(const struct drain *d, int64_t now);

/* No such file: open. A file that cannot be read: open as well, and an error. */
int drain_load(const char *path, struct drain *ret, struct error *e);
int drain_save(const char *path, const struct drain *d, struct error *e);
