#pragma once

/*
 * cycling.h - the daily restart, carried out.
 *
 * A web dyno's successor is started first, under an id of its own; when it is up
 * and upstream knows it, the old one leaves. Any other is signalled first, as in
 * a restart. A one-off is only ended. The moment is drawn when a process starts
 * and stored with the life, and so is what has begun.
 */
#include "base/base.h"

struct life;
struct supervisor;

/* Real usec of the restart of a process that has just started. */
uint64_t cycling_draw(const struct life *l);

/* A successor that upstream has taken over is like any other from here on, and
 * one that it has already is one of the new assignment's. Called before wanted
 * and present dynos are compared. */
void cycling_settle(struct supervisor *s);

/* Begin what is due, go on with what has begun, and arm the timer for the next.
 * Called after each change. */
void cycling_run(struct supervisor *s);

/* Upstream need not hear of it: its predecessor still stands for both. */
bool cycling_is_hidden(const struct life *l);
