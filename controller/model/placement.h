#pragma once

/*
 * placement.h - on which host a new dyno goes: the one with the fewest. Those that are being
 * drained are not asked.
 */
#include "base/base.h"

struct placement_host {
	char name[64];
	size_t dynos;
};

struct placement {
	struct placement_host *hosts;
	size_t n;
};

void placement_add(struct placement *p, const char *host, size_t dynos);

/* The name of the chosen host, which counts one more from here on; "" if there
 * is none. Of equal ones the first. */
const char *placement_pick(struct placement *p);
void placement_deinit(struct placement *p);
