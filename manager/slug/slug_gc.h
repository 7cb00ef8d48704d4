#pragma once

/*
 * slug_gc.h - the host's store is collected by itself ("dyno-slug gc"): now and
 * then, and soon after a slug is not wanted any more. One job at a time. What it
 * removed is logged; how much it may keep stands in slugs.conf.
 */
#include "base/base.h"

struct slug_command;
struct slug_gc;

/* interval_sec: between the end of a collection and the next; 0: only when asked.
 * command is borrowed. */
struct slug_gc *slug_gc_new(const struct slug_command *command,
			    uint64_t interval_sec);
struct slug_gc *slug_gc_free(struct slug_gc *g);

/* Collect in delay_sec, if it is not to happen before: many that ask at about the
 * same time get one collection. */
void slug_gc_soon(struct slug_gc *g, uint64_t delay_sec);
