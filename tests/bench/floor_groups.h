#pragma once

/*
 * floor_groups.h - control groups of the floor, with the limits of a dyno.
 */
#include "base/base.h"

#define FLOOR_TREES_MAX 8

/* fds: one "tasks" file per hierarchy (v1), or none. */
struct floor_group {
	int fds[FLOOR_TREES_MAX];
	size_t n;
	int into;		/* v2: for CLONE_INTO_CGROUP, else -1 */
};

/* The parents; once per process. */
bool floor_groups_open(void);
bool floor_groups_make(const char *name, struct floor_group *ret);
void floor_groups_close(struct floor_group *g);
bool floor_groups_remove(const char *name);
/* The parents again, if nobody else uses them. */
void floor_groups_wipe(void);
