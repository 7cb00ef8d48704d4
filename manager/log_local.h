#pragma once

/*
 * log_local.h - where lines go when there is no upstream: to this program's own log.
 */
#include "base/base.h"

struct supervisor;

/* From here on what comes into s->journal is taken out of it, also what is in it. */
void log_local_start(struct supervisor *s);
