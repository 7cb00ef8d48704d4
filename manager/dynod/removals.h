#pragma once

/*
 * removals.h - what is left of dynos, tried again until nothing is left.
 *
 * A removal is a list of independent steps in the runtime, none of which waits; a
 * step that cannot be done yet (a process that has SIGKILL has not died) is tried
 * again by timer: at once, after milliseconds, then more and more seldom. What is
 * not gone after REMOVALS_PATIENCE_SEC is in quarantine: this is told, and whoever
 * asks hears why at once. Others are not kept waiting by it.
 */
#include "base/map.h"
#include "runtime/runtime.h"

#include <systemd/sd-event.h>

struct error;

#define REMOVALS_PATIENCE_SEC 2

struct removals_ops {
	/* Nothing is left of this one, which removals_add() could not remove. */
	void (*on_gone)(const char *uuid, void *userdata);
	/* The answer to REMOVALS_LATER: 0, or why it is still there. */
	void (*on_answer)(const char *uuid, uint32_t serial, int r,
			  const struct error *e, void *userdata);
	/* A sentence, when one gets into quarantine or out of it. */
	void (*tell)(const char *what, void *userdata);
};

struct removals {
	sd_event *event;		/* borrowed, as all pointers here */
	struct runtime *rt;
	const struct removals_ops *ops;
	void *userdata;
	struct map items;		/* uuid -> struct removal */
};

void removals_init(struct removals *rs, sd_event *event, struct runtime *rt,
		   const struct removals_ops *ops, void *userdata);
void removals_deinit(struct removals *rs);

/* Remove it, now or later. Returns whether it is gone. */
bool removals_add(struct removals *rs, const char *uuid);

/* The same, for somebody who awaits an answer. 0: gone. < 0: it is in quarantine.
 * REMOVALS_LATER: on_answer() will be called with the serial, which is not 0. */
#define REMOVALS_LATER 1
int removals_ask(struct removals *rs, const char *uuid, uint32_t serial,
		 struct error *e);

/* Who has asked is gone: no answers to what has been asked so far. */
void removals_forget(struct removals *rs);

bool removals_has(const struct removals *rs, const char *uuid);
size_t removals_count(const struct removals *rs);
