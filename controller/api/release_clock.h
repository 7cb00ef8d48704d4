#pragma once

/*
 * release_clock.h - what becomes of releases with time: the ends of phases, windows,
 * watches and of what is old.
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct engine;
struct error;
struct release_clock;

int release_clock_new(struct release_clock **ret, sd_event *event,
		      struct engine *g, struct error *e);
struct release_clock *release_clock_free(struct release_clock *c);
