#pragma once

/*
 * lag.h - how late the event loop is: a timer every second, and by how much it
 * missed its moment.
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct error;

struct lag {
	sd_event *event;		/* borrowed */
	sd_event_source *timer;
	uint64_t due;			/* monotonic usec */
	uint64_t last, most;		/* usec; most: since the start */
};

int lag_start(struct lag *g, sd_event *event, struct error *e);
void lag_deinit(struct lag *g);
