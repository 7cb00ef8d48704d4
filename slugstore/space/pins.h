#pragma once

/*
 * pins.h - pins as collector and remover see them.
 *
 * A pin set while somebody decides about the slug must win. So setting pins,
 * and "look for the pin, move the slug away", each happen under one lock, that
 * of pins/: the pin is there before the look, and is seen; or it comes when the
 * slug has gone, and whoever set it sees that. It is held for a few system
 * calls and never while something is deleted. Order: first the lock of the
 * slug (lease.h), then this one.
 */
#include "base/base.h"

struct error;
struct store;

#define PINS_ABSENT 1

/* Wait for the lock. EBUSY: ten seconds were not enough. */
int pins_lock(struct store *s, int *ret_fd, struct error *e);

/* 0: pinned; or PINS_ABSENT. */
int pins_has(struct store *s, const char *sha256, struct error *e);
