#pragma once

/*
 * dyno_table.h - all dynos on record of this host, living and ended.
 *
 * An entry is made by a start or by adoption, watches its dyno's pidfd, learns
 * how the dyno ended, and stays until it is removed. A start is under way until
 * the dyno's child has executed: others begin meanwhile. Nothing in here waits; what
 * cannot be removed at once is among the removals (removals.h). Those of dynos that
 * could neither be started nor adopted have no entry.
 */
#include "base/map.h"
#include "manager/dynod/removals.h"
#include "runtime/runtime.h"

#include <systemd/sd-event.h>

struct dyno_table;
struct error;

struct dyno_entry {
	struct dyno_table *table;
	char uuid[37];
	struct dyno *dyno;		/* NULL while it is starting */
	struct start *start;
	uint32_t serial;		/* of the request to start it */
	sd_event_source *deadline;
	bool ended;
	struct dyno_exit exit;		/* when ended */
	sd_event_source *watch, *memory;
};

struct dyno_table_ops {
	/* The outcome of dyno_table_start(): 0, or an error; then the entry is in
	 * no table any more, and gone on return. */
	void (*on_started)(struct dyno_entry *entry, int r, const struct error *e,
			   void *userdata);
	/* A dyno has ended. The entry must not be removed in here. */
	void (*on_end)(struct dyno_entry *entry, void *userdata);
	/* The kernel has killed in a dyno that lives for want of memory. */
	void (*on_memory)(struct dyno_entry *entry, void *userdata);
	/* The answer to a dyno_table_remove() that was REMOVALS_LATER. */
	void (*on_removed)(uint32_t serial, int r, const struct error *e,
			   void *userdata);
	/* Something went wrong that nobody asked for: a sentence. */
	void (*tell)(const char *what, void *userdata);
};

struct dyno_table {
	sd_event *event;		/* borrowed, as all pointers here */
	struct runtime *rt;
	const struct dyno_table_ops *ops;
	void *userdata;
	struct map entries;		/* uuid -> struct dyno_entry */
	struct removals removals;
};

void dyno_table_init(struct dyno_table *t, sd_event *event, struct runtime *rt,
		     const struct dyno_table_ops *ops, void *userdata);
void dyno_table_deinit(struct dyno_table *t);	/* the dynos live on */

/* Take over every dyno on record. One that cannot be is told and removed. */
int dyno_table_adopt(struct dyno_table *t, struct error *e);

struct dyno_entry *dyno_table_get(const struct dyno_table *t, const char *uuid);
size_t dyno_table_count(const struct dyno_table *t);

/* Begin to start a dyno; on_started() tells the outcome, in at most
 * RUNTIME_START_SEC. EEXIST: the uuid is on record. ENOSPC: DYNOS_MAX. */
int dyno_table_start(struct dyno_table *t, const struct dyno_spec *spec,
		     uint32_t serial, struct error *e);

/* How many starts are under way. */
size_t dyno_table_starting(const struct dyno_table *t);

/* Remove what is left of an ended dyno, and its entry. EBUSY: it lives. Not on
 * record = done. REMOVALS_LATER: on_removed() answers the serial, in at most
 * REMOVALS_PATIENCE_SEC; it is tried again whatever the answer. */
int dyno_table_remove(struct dyno_table *t, const char *uuid, uint32_t serial,
		      struct error *e);
