#pragma once

/*
 * host_plan.h - the answer of GET /plan as people read it.
 */
#include "base/base.h"

#include <jansson.h>

struct buf;

/* One line for each dyno that is not as wanted (all: each dyno) and each instance
 * that cannot be removed, then how many are as wanted. */
void host_plan_layout(struct buf *out, const json_t *plan, bool all, uint64_t now_usec);
