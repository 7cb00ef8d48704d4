#pragma once

/*
 * slug_pins.h - the store's pins are what this host wants: made equal to it by
 * a job ("dyno-slug keep"), since they are synced to a disk that may be busy,
 * and that must stop no dyno's output. A job that fails is told and done again;
 * nobody waits for that, nor long for the first try.
 */
#include "base/base.h"

struct slug_command;
struct slug_pins;
struct strv;

/* The job has ended, well or not, or takes long; shrunk: some slug is not wanted any more. Comes
 * from the loop. */
typedef void (*slug_pins_fn)(bool shrunk, void *userdata);

/* command is borrowed. */
struct slug_pins *slug_pins_new(const struct slug_command *command,
				slug_pins_fn fn, void *userdata);
struct slug_pins *slug_pins_free(struct slug_pins *p);

/* The whole list; repetitions and order do not matter. false: it is being written,
 * wait for fn and ask again. true: it is, or cannot be written soon. Costs nothing
 * when the list is the last one. */
bool slug_pins_want(struct slug_pins *p, const struct strv *slugs);
