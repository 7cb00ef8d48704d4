#pragma once

/*
 * log_local.h - where lines go when there is no upstream: to this program's own log.
 * Of what apps say so many lines at most are shown in so many seconds, and how many
 * were not; what the platform says is always shown.
 */
#include "base/base.h"

struct log_local;
struct supervisor;

#define LOG_LOCAL_LINES 2000
#define LOG_LOCAL_SEC 5

/* From here on what comes into s->journal is taken out of it, also what is in it. */
struct log_local *log_local_new(struct supervisor *s);
/* The journal is not used any more, or gone. */
struct log_local *log_local_free(struct log_local *l);
